import { patched, workflowInfo } from '@temporalio/workflow';
import type { Batch } from './memory.ts';

/** A run is continued before its history grows to what Temporal suggests: a window may bring much at once. */
const maxHistoryBytes = 2 * 1024 * 1024;
const maxHistoryEvents = 3_500;

/** Whether the run is to continue as new before it does anything else. */
export function isContinueDue({ scope }: Batch): boolean {
  if (scope.consideredCancelled) return false;
  const { continueAsNewSuggested, historyLength, historySize } = workflowInfo();
  return continueAsNewSuggested || historyLength > maxHistoryEvents || historySize > maxHistoryBytes;
}

/** Messages may bring more while a window is out than Temporal takes of one run: it comes back, so that the run continues. */
export function hastenContinue(batch: Batch): void {
  if (batch.interrupt && isContinueDue(batch) && patched('long-histories-end-windows')) batch.interrupt();
}
