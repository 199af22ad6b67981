import type { Client } from '@temporalio/client';
import { listPollers } from '../../client/operator/index.ts';
import { eventually } from './eventually.ts';

/**
 * Waits until the server knows of a poller on a queue. A query sent earlier is answered after a second that there is
 * none.
 */
export async function untilPolled(client: Client, taskQueue: string): Promise<void> {
  await eventually(async () => {
    if ((await listPollers(client, taskQueue, 'workflow')).length === 0) throw new Error(`nobody polls ${taskQueue}`);
  });
}
