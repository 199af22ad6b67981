import { randomUUID } from 'node:crypto';
import { Client, type Connection, type ConnectionLike } from '@temporalio/client';
import { createPatience } from './patience.ts';

/** A new namespace is known to every part of the server only after a moment. */
export async function registerNamespace(connection: ConnectionLike, namespace: string): Promise<void> {
  const retention = { seconds: 24 * 60 * 60 } as unknown as { seconds: never };
  await connection.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: retention });
  const { workflow } = new Client({ connection, namespace });
  const patience = createPatience();
  for (;;) {
    try {
      await workflow.count();
      return;
    } catch (error) {
      if (patience.isOver()) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

/** A new Nexus endpoint that leads to a task queue; its name is the server's, not a namespace's. */
export async function createNexusEndpoint(
  connection: Connection,
  worker: { namespace: string; taskQueue: string },
): Promise<string> {
  const name = `nexus-${randomUUID()}`;
  await connection.operatorService.createNexusEndpoint({ spec: { name, target: { worker } } });
  return name;
}
