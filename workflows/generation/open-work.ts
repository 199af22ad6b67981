import { allHandlersFinished } from '@temporalio/workflow';
import type { Generation } from './memory.ts';

/** Counts a POST as open until its outcome is known. */
export function openSubmit({ open }: Generation): { close: () => void } {
  open.submits += 1;
  return {
    close: () => {
      open.submits -= 1;
    },
  };
}

/** Runs side work that only the end of the workflow waits for. `errand` never rejects. */
export function runErrand({ open }: Generation, errand: Promise<void>): void {
  open.errands += 1;
  void errand.finally(() => {
    open.errands -= 1;
  });
}

export function markEnded({ open }: Generation): void {
  open.hasEnded = true;
}

/** Whether nothing is left to wait for: no message being handled, no POST in flight, no side work. */
export function isQuiet({ open }: Generation): boolean {
  return allHandlersFinished() && open.submits === 0 && open.errands === 0;
}
