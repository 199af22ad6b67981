import { randomUUID } from 'node:crypto';
import { Client, type Connection, type ConnectionLike } from '@temporalio/client';
import { createPatience } from './patience.ts';

/** Registers a namespace and waits until all parts of the server know it, which takes a moment. */
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

/**
 * Creates a Nexus endpoint for a task queue; returns its name, which is unique within the server, not per namespace.
 */
export async function createNexusEndpoint(
  connection: Connection,
  worker: { namespace: string; taskQueue: string },
): Promise<string> {
  const name = `nexus-${randomUUID()}`;
  await connection.operatorService.createNexusEndpoint({ spec: { name, target: { worker } } });
  return name;
}
