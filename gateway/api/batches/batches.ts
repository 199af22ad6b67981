import type { BatchHandle, BatchResult, KnownBatchState } from '../../../client/index.ts';
import { isBatchEnd } from '../../../domain/batch/batch.ts';
import type { Batch } from '../../contract/batch.ts';
import type { Many } from '../many/many.ts';

/** Batches, as our API tells of them. */
export const batches: Many<BatchHandle, KnownBatchState, BatchResult, Batch> = {
  find: ({ generations }, workflowId) => generations.batches.get(workflowId),
  watcher: (watchers) => watchers.batches,
  isEnd: ({ phase }) => isBatchEnd(phase),
  // What is absent is never null.
  toBody: ({ key, state: { paused, ...state } }) => ({ key, ...state, ...(paused && { paused }) }),
};
