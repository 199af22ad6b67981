import type { Client } from '@temporalio/client';
import { listPollers } from '../../client/operator/index.ts';
import { eventually } from './eventually.ts';

/** Waits until the server knows that somebody polls a queue: whoever asks a worker before is told after a second that there is none. */
export async function untilPolled(client: Client, taskQueue: string): Promise<void> {
  await eventually(async () => {
    if ((await listPollers(client, taskQueue, 'workflow')).length === 0) throw new Error(`nobody polls ${taskQueue}`);
  });
}
