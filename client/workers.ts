import type { Client } from '@temporalio/client';

import { submitTaskQueue } from '../domain/names.ts';

/** What a task queue is polled for. */
export type TaskQueueKind = 'workflow' | 'activity';

/** A worker as the server has seen it lately. */
export interface Poller {
  identity: string;
  lastSeenAt: Date;
}

const taskQueueTypes = { workflow: 1, activity: 2 } as const;

/** The workers that have polled a task queue within the last five minutes. */
export async function listPollers(client: Client, taskQueue: string, kind: TaskQueueKind): Promise<Poller[]> {
  const response = await client.workflowService.describeTaskQueue({
    namespace: client.options.namespace,
    taskQueue: { name: taskQueue },
    taskQueueType: taskQueueTypes[kind],
  });
  return response.pollers.map(({ identity, lastAccessTime }) => ({
    identity: identity ?? '',
    lastSeenAt: new Date(Number(lastAccessTime?.seconds ?? 0) * 1000),
  }));
}

/**
 * The task queues of a running generation that nobody polls: of workflows and reads, and of submits. A worker that
 * stopped less than five minutes ago may still be counted.
 */
export async function findUnattendedQueues(client: Client, key: string): Promise<string[]> {
  const { taskQueue, status } = await client.workflow.getHandle(key).describe();
  if (status.name !== 'RUNNING') return [];
  const queues: [string, TaskQueueKind][] = [
    [taskQueue, 'workflow'],
    [taskQueue, 'activity'],
    [submitTaskQueue(taskQueue), 'activity'],
  ];
  const counts = await Promise.all(queues.map(async ([name, kind]) => ({ name, pollers: await listPollers(client, name, kind) })));
  return [...new Set(counts.filter(({ pollers }) => pollers.length === 0).map(({ name }) => name))];
}
