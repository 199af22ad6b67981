import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type {
  BatchAddMessage,
  BatchCancelMessage,
  BatchCancelReply,
  BatchPauseMessage,
  BatchPhase,
  BatchSetMessage,
  BatchState,
  BatchTail,
} from '../../domain/batch/batch.ts';
import { batchMessageNames } from '../../domain/names.ts';

/** Where a batch stands; answered for closed runs too. */
export const batchStateQuery = defineQuery<BatchState>(batchMessageNames.state);

/** Result lines of a page that is not written yet. */
export const batchResultsQuery = defineQuery<BatchTail, [{ page: number }?]>(batchMessageNames.results);

/** Adds items behind the existing ones; the same message again is answered as before. */
export const addUpdate = defineUpdate<{ count: number }, [BatchAddMessage]>(batchMessageNames.add);

/** Seals the batch: no more items will come. */
export const sealUpdate = defineUpdate<{ count: number }>(batchMessageNames.seal);

/** Pauses the batch: nothing new is started until it is resumed, and what runs is followed to its end. */
export const pauseUpdate = defineUpdate<{ phase: BatchPhase }, [BatchPauseMessage?]>(batchMessageNames.pause);

/** Like the update, but accepted without a worker. */
export const pauseSignal = defineSignal<[BatchPauseMessage?]>(batchMessageNames.pause);

/** Goes on after a pause, whatever its reason. */
export const resumeUpdate = defineUpdate<{ phase: BatchPhase }, [BatchPauseMessage?]>(batchMessageNames.resume);

/** Like the update, but accepted without a worker. */
export const resumeSignal = defineSignal<[BatchPauseMessage?]>(batchMessageNames.resume);

/** Changes how many items may be in flight, and the limit on money. */
export const setUpdate = defineUpdate<{ window: number; maxCostUsd: number | null }, [BatchSetMessage]>(
  batchMessageNames.set,
);

/** Asks everything in flight to cancel, starts nothing more, and returns the outcomes. */
export const batchCancelUpdate = defineUpdate<BatchCancelReply, [BatchCancelMessage?]>(batchMessageNames.cancel);

/** Like the update, but accepted without a worker. */
export const batchCancelSignal = defineSignal<[BatchCancelMessage?]>(batchMessageNames.cancel);
