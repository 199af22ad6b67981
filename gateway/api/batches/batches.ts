import type { BatchHandle, BatchResult, KnownBatchState } from '../../../client/index.ts';
import { isBatchEnd } from '../../../domain/batch/batch.ts';
import type { Batch } from '../../contract/batch.ts';
import type { Many } from '../many/many.ts';

/** Batches in the format of our API. */
export const batches: Many<BatchHandle, KnownBatchState, BatchResult, Batch> = {
  find: ({ generations }, workflowId) => generations.batches.get(workflowId),
  watcher: (watchers) => watchers.batches,
  isEnd: ({ phase }) => isBatchEnd(phase),
  // Our API leaves out missing fields instead of sending null.
  toBody: ({ key, state: { paused, ...state } }) => ({ key, ...state, ...(paused && { paused }) }),
};
