import type { Client } from '@temporalio/client';
import { named } from '../../convert-errors.ts';
import { GenerationError, noWorker, workerFailing } from '../../errors.ts';
import { findUnattendedQueues } from '../../operator/workers.ts';
import { describeRun } from '../run-info.ts';
import { readTaskFailure } from './task-failure.ts';

/**
 * Why a running workflow of ours does not move: nobody polls a task queue of it (`NoWorker`), or workers fail on its workflow
 * tasks again and again (`WorkerFailing`); undefined where neither is so.
 */
export function explainStandstill(client: Client, key: string): Promise<GenerationError | undefined> {
  return named(key, async () => {
    const run = await describeRun(client, key);
    const taskFailure = await readTaskFailure(client, run);
    if (taskFailure) return workerFailing(run, taskFailure);
    const [taskQueue] = await findUnattendedQueues(client, key);
    const { namespace } = client.options;
    return taskQueue === undefined ? undefined : noWorker({ ...run, taskQueue, namespace });
  });
}

/** Why a question that only a worker can answer got no answer. */
export async function withoutAnswer(client: Client, key: string): Promise<GenerationError> {
  const run = await describeRun(client, key);
  return (await explainStandstill(client, key)) ?? noWorker({ ...run, namespace: client.options.namespace });
}

/** Why nobody has said that a message was heard: unlike a question it may be kept until somebody hears it. */
export async function withoutHearing(client: Client, key: string): Promise<GenerationError> {
  const { type, message } = await withoutAnswer(client, key);
  return new GenerationError({ type, message: `${message}; what was sent may be carried out once a worker can`, key });
}
