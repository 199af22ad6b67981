import { type ApplicationFailure, patched, sleep } from '@temporalio/workflow';
import { askToCancel, forgetCancel, openCancel, stepCancel } from './cancellation.ts';
import { endOf } from './endings.ts';
import type { Generation } from './memory.ts';
import { planReadNow } from './next-read.ts';
import { isWorkOver, noteQueueCancel } from './sightings.ts';
import { keepLateWish, noteQueueDeadline, settleQueueDeadline } from './wishes.ts';

const reason = 'queue_deadline';

/**
 * Starts the queue deadline if the request has one: the time, from the submit, for which the work may wait in
 * RunComfy's queue.
 */
export function startQueueDeadline(generation: Generation): void {
  const { facts, state, sightings } = generation;
  const { queueDeadlineMs } = facts.request;
  // An earlier run may have asked for the cancel already.
  if (queueDeadlineMs === undefined || sightings.queueCancelAt !== undefined) return;
  const since = state.submittedAt === undefined ? Date.now() : Date.parse(state.submittedAt);
  void sleep(Math.max(1, since + queueDeadlineMs - Date.now()), { summary: 'queue deadline' }).then(() => {
    noteQueueDeadline(generation);
  });
}

/**
 * Asks once to cancel work that is still queued. Only a cancel that RunComfy confirms ends it; otherwise it is still
 * waited for.
 */
export async function obeyQueueDeadline(generation: Generation, requestId: string): Promise<void> {
  const { state, sightings } = generation;
  settleQueueDeadline(generation);
  planReadNow(generation);
  if (state.phase === 'fetching_result' && sightings.underWay === undefined) keepLateWish(generation, 'queue_deadline');
  if (!isQueued(generation) || state.cancel !== undefined) return;
  openCancel(generation, reason);
  await askToCancel(generation, requestId);
  // Someone's cancel came in meanwhile; it is handled separately.
  if (generation.wishes.isCancelDue) return;
  const cancel = cancelOf(generation);
  if (cancel?.outcome === 'cancelled') throw stopped(generation);
  if (cancel) noteQueueCancel(generation, cancel.requestedAt);
  forgetCancel(generation);
}

function isQueued(generation: Generation): boolean {
  const { state, sightings } = generation;
  return state.phase === 'in_queue' || (sightings.underWay === 'in_queue' && !isWorkOver(generation));
}

/**
 * The end of work that RunComfy says it has stopped, if only the cancel at the queue deadline can be the cause;
 * otherwise undefined.
 */
export function stoppedByQueueDeadline(generation: Generation): ApplicationFailure | undefined {
  const { state, sightings } = generation;
  const { queueCancelAt } = sightings;
  // RunComfy does not stop running work.
  if (queueCancelAt === undefined || state.cancel !== undefined || state.startedAt !== undefined) return undefined;
  if (!patched('queue-deadlines-may-be-told-late')) return undefined;
  openCancel(generation, reason, queueCancelAt);
  stepCancel(generation, 'stopped');
  return stopped(generation);
}

function stopped(generation: Generation): ApplicationFailure {
  return endOf(generation, {
    type: 'GenerationTimedOut',
    phase: 'timed_out',
    message: "the work still waited in RunComfy's queue at its queue deadline; RunComfy stopped it",
    details: { reason },
  });
}

function cancelOf({ state }: Generation) {
  return state.cancel;
}
