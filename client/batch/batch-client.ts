import type { BatchRequest, BatchResult } from '../../domain/batch/batch.ts';
import type { WaitOptions } from '../await-end.ts';
import { checkKey } from '../generation/check-arguments.ts';
import { describeRun } from '../generation/run-info.ts';
import { eachNamedBatch, namedBatch, refuseNoBatch } from './batch-errors.ts';
import { type BatchHandle, type BatchPlace, createBatchHandle } from './batch-handle.ts';
import { type BatchFilter, listBatches, type ListedBatch } from './list-batches.ts';
import { type BatchStartOptions, startBatch } from './starting/start-batch.ts';

/** Starts batches and finds them again, from any process. */
export interface BatchClient {
  /** Starts a batch, or attaches to the one with the same key, items and defaults; no item is ordered twice. */
  start: (request: BatchRequest, options?: BatchStartOptions) => Promise<BatchHandle>;
  /** The newest run of a key; throws `KeyNotFound` if Temporal knows none. */
  get: (key: string) => Promise<BatchHandle>;
  /** Waits for the end of the batch with a key. */
  result: (key: string, options?: WaitOptions) => Promise<BatchResult>;
  /** Batches: first the open ones, then the ended ones, newest first. */
  list: (filter?: BatchFilter) => AsyncIterable<ListedBatch>;
}

/** Makes the client of batches. */
export function createBatchClient(place: BatchPlace): BatchClient {
  const { client, taskQueue, modelApiBase } = place;
  const get = (key: string): Promise<BatchHandle> =>
    namedBatch(key, async () => {
      checkKey(key);
      const { runId, firstRunId, workflowType } = await describeRun(client, key);
      refuseNoBatch(key, workflowType);
      return createBatchHandle(place, { key, runId, firstRunId, attached: true, notices: [] });
    });
  return {
    start: (request, options) =>
      namedBatch(options?.key ?? '', async () =>
        createBatchHandle(place, await startBatch(client, taskQueue, request, options, { modelApiBase })),
      ),
    get,
    result: async (key, options) => (await get(key)).result(options),
    list: (filter) => eachNamedBatch('', () => listBatches(client, filter)),
  };
}
