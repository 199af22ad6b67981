import type { Client } from '@temporalio/client';
import { withClientErrors } from '../../convert-errors.ts';
import { GenerationError, noWorker, workerFailing } from '../../errors.ts';
import { findUnattendedQueues } from '../../operator/workers.ts';
import { describeRun } from '../run-info.ts';
import { readTaskFailure } from './task-failure.ts';

/**
 * Why a running workflow of ours makes no progress: nobody polls one of its task queues (`NoWorker`), or workers fail
 * on its tasks again and again (`WorkerFailing`). Undefined if neither is the case.
 */
export function explainStandstill(client: Client, key: string): Promise<GenerationError | undefined> {
  return withClientErrors(key, async () => {
    const run = await describeRun(client, key);
    const taskFailure = await readTaskFailure(client, run);
    if (taskFailure) return workerFailing(run, taskFailure);
    const [taskQueue] = await findUnattendedQueues(client, key);
    const { namespace } = client.options;
    return taskQueue === undefined ? undefined : noWorker({ ...run, taskQueue, namespace });
  });
}

/** The error for a query that no worker answered. */
export async function withoutAnswer(client: Client, key: string): Promise<GenerationError> {
  const run = await describeRun(client, key);
  return (await explainStandstill(client, key)) ?? noWorker({ ...run, namespace: client.options.namespace });
}

/**
 * The error for a message that no worker has taken: unlike a query, it may stay with Temporal until a worker takes it.
 */
export async function withoutHearing(client: Client, key: string): Promise<GenerationError> {
  const { type, message } = await withoutAnswer(client, key);
  return new GenerationError({ type, message: `${message}; what was sent may be carried out once a worker can`, key });
}
