import type { Client } from '@temporalio/client';

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
