import { patched, workflowInfo } from '@temporalio/workflow';
import type { Batch } from './memory.ts';

/** A run is continued before its history grows to what Temporal suggests: a window may bring much at once. */
const maxHistoryBytes = 2 * 1024 * 1024;
const maxHistoryEvents = 3_500;
/** What is added may bring it to so many times that; Temporal ends a run at 50 MiB or 51,200 events. */
const mostOverBy = 4;

/** Whether the run is to continue as new before it does anything else. */
export function isContinueDue({ scope }: Batch): boolean {
  if (scope.consideredCancelled) return false;
  const { continueAsNewSuggested, historyLength, historySize } = workflowInfo();
  return continueAsNewSuggested || historyLength > maxHistoryEvents || historySize > maxHistoryBytes;
}

/** Whether what is added keeps the run from continuing, one message taken before the last is answered: no more is taken until it has. */
export function isOverfull(batch: Batch): boolean {
  const { historyLength, historySize } = workflowInfo();
  const isFarOver = historyLength > mostOverBy * maxHistoryEvents || historySize > mostOverBy * maxHistoryBytes;
  return isFarOver && !batch.hasEnded && isContinueDue(batch);
}

/** Messages may bring more while a window is out than Temporal takes of one run: it comes back, so that the run continues. */
export function hastenContinue(batch: Batch): void {
  if (batch.interrupt && isContinueDue(batch) && patched('long-histories-end-windows')) batch.interrupt();
}
