import { patched, workflowInfo } from '@temporalio/workflow';
import type { Batch } from './memory.ts';

/**
 * Size of the history at which a run is continued, in bytes: earlier than Temporal suggests, since a window may add
 * much at once.
 */
const maxHistoryBytes = 2 * 1024 * 1024;
/** The same in events. */
const maxHistoryEvents = 3_500;
/** How many times these limits additions may bring the history to; Temporal ends a run at 50 MiB or 51,200 events. */
const mostOverBy = 4;

/** Whether the run must continue as new before it does anything else. */
export function isContinueDue({ scope }: Batch): boolean {
  if (scope.consideredCancelled) return false;
  const { continueAsNewSuggested, historyLength, historySize } = workflowInfo();
  return continueAsNewSuggested || historyLength > maxHistoryEvents || historySize > maxHistoryBytes;
}

/**
 * Whether the batch must refuse additions for now: messages that overlap keep the run from continuing, so no more are
 * accepted until it has.
 */
export function isOverfull(batch: Batch): boolean {
  const { historyLength, historySize } = workflowInfo();
  const isFarOver = historyLength > mostOverBy * maxHistoryEvents || historySize > mostOverBy * maxHistoryBytes;
  return isFarOver && !batch.hasEnded && isContinueDue(batch);
}

/**
 * Ends the window if the run is due to continue: while a window is out, messages may add more than Temporal accepts of
 * one run.
 */
export function hastenContinue(batch: Batch): void {
  if (batch.interrupt && isContinueDue(batch) && patched('long-histories-end-windows')) batch.interrupt();
}
