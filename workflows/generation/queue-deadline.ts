import { sleep } from '@temporalio/workflow';
import { askToCancel, forgetCancel, openCancel } from './cancellation.ts';
import { endOf } from './endings.ts';
import type { Generation } from './memory.ts';
import { planReadNow } from './next-read.ts';
import { noteQueueDeadline, settleQueueDeadline } from './wishes.ts';

const reason = 'queue_deadline';

/** Counts from the submit how long the work may wait in RunComfy's queue, where its caller has said so. */
export function startQueueDeadline(generation: Generation): void {
  const { facts, state } = generation;
  const { queueDeadlineMs } = facts.request;
  if (queueDeadlineMs === undefined) return;
  const since = state.submittedAt === undefined ? Date.now() : Date.parse(state.submittedAt);
  void sleep(Math.max(1, since + queueDeadlineMs - Date.now()), { summary: 'queue deadline' }).then(() => {
    noteQueueDeadline(generation);
  });
}

/** Asks once to cancel work that still waits. Only a cancel that RunComfy confirms ends it; else it is waited for. */
export async function obeyQueueDeadline(generation: Generation, requestId: string): Promise<void> {
  const { state } = generation;
  settleQueueDeadline(generation);
  planReadNow(generation);
  if (state.phase !== 'in_queue' || state.cancel !== undefined) return;
  openCancel(generation, reason);
  await askToCancel(generation, requestId);
  // Somebody's cancel came in meanwhile: it goes its own way.
  if (generation.wishes.isCancelDue) return;
  if (outcomeOf(generation) === 'cancelled') {
    throw endOf(generation, {
      type: 'GenerationTimedOut',
      phase: 'timed_out',
      message: "the work still waited in RunComfy's queue at its queue deadline; RunComfy stopped it",
      details: { reason },
    });
  }
  forgetCancel(generation);
}

function outcomeOf({ state }: Generation) {
  return state.cancel?.outcome;
}
