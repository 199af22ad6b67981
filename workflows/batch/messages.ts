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

/** Adds items behind those that there are; the same again is answered as before. */
export const addUpdate = defineUpdate<{ count: number }, [BatchAddMessage]>(batchMessageNames.add);

/** No more items will come. */
export const sealUpdate = defineUpdate<{ count: number }>(batchMessageNames.seal);

/** Starts nothing new until it is resumed; what runs ends. */
export const pauseUpdate = defineUpdate<{ phase: BatchPhase }, [BatchPauseMessage?]>(batchMessageNames.pause);

/** As the update, taken without a worker. */
export const pauseSignal = defineSignal<[BatchPauseMessage?]>(batchMessageNames.pause);

/** Goes on after a pause, whatever its reason. */
export const resumeUpdate = defineUpdate<{ phase: BatchPhase }, [BatchPauseMessage?]>(batchMessageNames.resume);

/** As the update, taken without a worker. */
export const resumeSignal = defineSignal<[BatchPauseMessage?]>(batchMessageNames.resume);

/** Changes how many may be in flight, and the limit of money. */
export const setUpdate = defineUpdate<{ window: number; maxCostUsd: number | null }, [BatchSetMessage]>(
  batchMessageNames.set,
);

/** Asks everything in flight to cancel, starts nothing more, and tells what became of all. */
export const batchCancelUpdate = defineUpdate<BatchCancelReply, [BatchCancelMessage?]>(batchMessageNames.cancel);

/** As the update, taken without a worker. */
export const batchCancelSignal = defineSignal<[BatchCancelMessage?]>(batchMessageNames.cancel);
