import type { CancelOutcome } from './generation.ts';

/** Events in the life of a cancel after it was asked for. */
export const cancelEvents = [
  /** The cancel was asked for, and there is still something to cancel. */
  'asked',
  /** The cancel was asked for while the result is being fetched. */
  'asked_while_fetching',
  /** It is unknown whether there is a request, so RunComfy cannot be told what to cancel. */
  'request_unknown',
  /** RunComfy answered the cancel, or a read, that the work was stopped. */
  'stopped',
  /** RunComfy said that the work can no longer be stopped. */
  'not_stoppable',
  /** RunComfy gave no answer. */
  'unanswered',
  /** RunComfy reported, along with its answer, that the work is over, so there is a result. */
  'over',
  /** Nothing was ever sent to RunComfy. */
  'unsent',
  /** The generation ended for another reason. */
  'ended',
] as const;

/** One of `cancelEvents`. */
export type CancelEvent = (typeof cancelEvents)[number];

/** The state of a cancel: its outcome, or `awaited` while there is none. */
export type CancelStanding = CancelOutcome | 'awaited';

/** Transitions by state and event. An event without an entry changes nothing. */
const steps: Record<CancelStanding, Partial<Record<CancelEvent, CancelStanding>>> = {
  awaited: {
    asked_while_fetching: 'too_late',
    request_unknown: 'unknown',
    stopped: 'cancelled',
    not_stoppable: 'not_cancellable',
    unanswered: 'unknown',
    over: 'too_late',
    unsent: 'not_submitted',
    ended: 'too_late',
  },
  unknown: { asked: 'awaited', stopped: 'cancelled', not_stoppable: 'not_cancellable', over: 'too_late' },
  not_cancellable: { stopped: 'cancelled', over: 'too_late' },
  too_late: { stopped: 'cancelled' },
  cancelled: {},
  not_submitted: {},
};

/** The outcome of a cancel after an event; undefined while it is still awaited. */
export function cancelOutcomeAfter(outcome: CancelOutcome | undefined, event: CancelEvent): CancelOutcome | undefined {
  const standing = outcome ?? 'awaited';
  const next = steps[standing][event] ?? standing;
  return next === 'awaited' ? undefined : next;
}
