import type { CancelOutcome } from './generation.ts';

/** What can happen to a cancel once somebody wants it. */
export const cancelEvents = [
  /** Somebody wants it, and something can still be done about it. */
  'asked',
  /** Somebody wants it while the result is being fetched. */
  'asked_while_fetching',
  /** Nobody can tell RunComfy what to cancel: it is unknown whether there is a request. */
  'request_unknown',
  /** RunComfy said, to the cancel or to a read, that the work was stopped. */
  'stopped',
  /** RunComfy said that the work can no longer be stopped. */
  'not_stoppable',
  /** RunComfy gave no answer. */
  'unanswered',
  /** RunComfy said, beside its answer, that the work is over: there is a result. */
  'over',
  /** Nothing was ever sent to RunComfy. */
  'unsent',
  /** The generation ended for another reason. */
  'ended',
] as const;

/** One of `cancelEvents`. */
export type CancelEvent = (typeof cancelEvents)[number];

/** Where a cancel stands: `awaited` has no outcome yet. */
export type CancelStanding = CancelOutcome | 'awaited';

/** The steps that there are; where an event stands in no row of a standing, it changes nothing. */
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

/** The outcome of a cancel after an event; undefined while it is awaited. */
export function cancelOutcomeAfter(outcome: CancelOutcome | undefined, event: CancelEvent): CancelOutcome | undefined {
  const standing = outcome ?? 'awaited';
  const next = steps[standing][event] ?? standing;
  return next === 'awaited' ? undefined : next;
}
