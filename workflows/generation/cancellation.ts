import { log } from '@temporalio/workflow';
import type { CancelAnswer } from '../../domain/activities.ts';
import { type CancelEvent, cancelOutcomeAfter } from '../../domain/cancel-outcome.ts';
import { cancels } from '../activity-options.ts';
import { readActivityError } from './activity-error.ts';
import { cancelledEnd } from './endings.ts';
import type { Generation } from './memory.ts';
import { planReadNow } from './next-read.ts';
import { countReads, isWorkOver, noteCost, noteReading } from './sightings.ts';
import { noteSearchAttributes } from './visibility.ts';
import { keepLateWish, noteQueueDeadline, settleCancelWish, takeLateWishes, wishCancel } from './wishes.ts';

/**
 * Records that someone wants the generation stopped. Called by handlers, so it only marks what the main path has to do;
 * if nothing can be done any more, the outcome is known at once.
 */
export function requestCancel(generation: Generation, reason: string | undefined): void {
  const { state, wishes, open } = generation;
  if (open.hasEnded) return;
  openCancel(generation, reason);
  if (state.phase === 'submission_unknown') {
    stepCancel(generation, 'request_unknown');
  } else if (isWorkOver(generation)) {
    const isFirst = state.cancel?.outcome === undefined || state.cancel.outcome === 'unknown';
    stepCancel(generation, 'asked_while_fetching');
    if (isFirst) keepLateWish(generation, 'cancel');
  } else if (state.cancel?.outcome !== 'not_cancellable' || wishes.isWorkflowCancelled) {
    stepCancel(generation, 'asked');
    wishCancel(generation);
  }
}

/** Renews wishes that came in while the work was believed to be over, if a result says that it goes on. */
export function renewLateWishes(generation: Generation): void {
  const { state, wishes } = generation;
  if (wishes.late.size === 0 || isWorkOver(generation)) return;
  const late = takeLateWishes(generation);
  if (late.has('queue_deadline')) noteQueueDeadline(generation);
  const { cancel } = state;
  if (!late.has('cancel') || !cancel) return;
  // RunComfy has not been asked yet, so the outcome that was reported came too early.
  forgetCancel(generation);
  openCancel(generation, cancel.reason, cancel.requestedAt);
  wishCancel(generation);
}

/** Records a cancel. Its time is that of the first request, and its reason is the first one given. */
export function openCancel({ state }: Generation, reason?: string, requestedAt = new Date().toISOString()): void {
  const cancel = (state.cancel ??= { requestedAt });
  if (reason !== undefined) cancel.reason ??= reason;
}

/** Removes the cancel, as if nobody had asked for one. */
export function forgetCancel({ state }: Generation): void {
  delete state.cancel;
}

/** The only way to change a cancel's outcome. Does nothing if nobody asked for a cancel. */
export function stepCancel({ state: { cancel } }: Generation, event: CancelEvent): void {
  if (!cancel) return;
  const outcome = cancelOutcomeAfter(cancel.outcome, event);
  if (outcome === undefined) delete cancel.outcome;
  else cancel.outcome = outcome;
}

/** Asks RunComfy to stop the work and handles the answer: throws the end, or returns to go on waiting for the work. */
export async function obeyCancel(generation: Generation, requestId: string): Promise<void> {
  const { state, facts, wishes } = generation;
  openCancel(generation);
  if (isWorkOver(generation)) keepLateWish(generation, 'cancel');
  else await askToCancel(generation, requestId);
  settleCancelWish(generation);
  planReadNow(generation);
  if (state.cancel?.outcome === 'cancelled') throw cancelledEnd(generation, 'cancelled; RunComfy stopped the work');
  if (isWorkOver(generation)) stepCancel(generation, 'over');
  // If the status was right, the result is about to come: only a cancel that RunComfy confirms gives it up.
  if (isFetching(generation)) return;
  const policy = facts.request.onCancelWhileRunning ?? (wishes.isWorkflowCancelled ? 'detach' : 'wait');
  if (policy === 'detach') {
    const truth =
      state.cancel?.outcome === 'not_cancellable'
        ? 'RunComfy could not stop the work any more: it runs on and may be billed'
        : 'RunComfy gave no answer to the cancel: the work may run on and be billed';
    throw cancelledEnd(generation, `no longer followed; ${truth}`);
  }
}

/** Asks RunComfy to stop, unless it has said that it cannot. Records an answer that comes within half a minute. */
export async function askToCancel(generation: Generation, requestId: string): Promise<void> {
  const { state } = generation;
  if (state.cancel?.outcome === 'not_cancellable') return;
  try {
    const { model, reads: readsSoFar } = state;
    noteAnswer(generation, await cancels.cancelRequest({ model, requestId, readsSoFar, wantsSearchAttributes: true }));
  } catch (error) {
    const { message, details } = readActivityError(error);
    countReads(generation, details.reads);
    stepCancel(generation, 'unanswered');
    log.warn('RunComfy did not answer the cancel', { requestId, reason: message });
  }
}

function noteAnswer(generation: Generation, answer: CancelAnswer): void {
  const { outcome, status, reads, readAt, costUsd } = answer;
  noteCost(generation, costUsd);
  noteSearchAttributes(generation, answer);
  if (status) noteReading(generation, { status, readAt, reads }, 'later');
  else countReads(generation, reads);
  stepCancel(generation, outcome === 'cancelled' ? 'stopped' : 'not_stoppable');
}

function isFetching({ state }: Generation): boolean {
  return state.phase === 'fetching_result';
}
