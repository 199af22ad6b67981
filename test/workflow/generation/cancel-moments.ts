import type { CancelAnswer } from '../../../domain/activities.ts';
import { activityFailure, type GenerationRun, output, reading, untilState } from '../../support/generations.ts';
import { accepted, gate, type Script } from '../../support/scripted-generations.ts';

export const answer = (outcome: CancelAnswer['outcome'], status: NonNullable<CancelAnswer['status']>) => () =>
  Promise.resolve({ outcome, status, reads: 1, readAt: new Date().toISOString() });
export const waiting = (status: 'in_queue' | 'in_progress') => () =>
  Promise.resolve(reading(status, { nextReadInMs: 600_000 }));
/** This status at first, the end once it is looked at again. */
export const thenFinished = (status: 'in_queue' | 'in_progress') => {
  let reads = 0;
  return () => Promise.resolve((reads += 1) === 1 ? reading(status, { nextReadInMs: 600_000 }) : reading('finished'));
};
const succeeded = () =>
  Promise.resolve({ status: 'succeeded' as const, output, reads: 1, readAt: new Date().toISOString() });

/** A moment in the life of a generation at which a cancel may come, and what must become of it. */
export interface Moment {
  /** A fresh script, and what has to happen before the cancel and after it. */
  set: () => { script: Script; before: (handle: GenerationRun) => Promise<unknown>; after?: () => void };
  /** Requests of RunComfy that must have been asked to stop. */
  asked: number;
  outcome: string;
  /** Phase in the reply of an update. */
  phase: string;
  ends: 'cancelled' | 'with its result' | 'as the policy says';
  submission?: string;
}

export const untilRead = (handle: GenerationRun) => untilState(handle, ({ reads }) => reads > 0);

export const moments: Record<string, Moment> = {
  'a submit waits for Retry-After': {
    set: () => {
      const refused = gate();
      const submitRequest = () => {
        refused.touch();
        const more = { retryable: true, nextRetryDelay: 600_000 };
        return Promise.reject(activityFailure('RateLimited', { submission: 'refused' }, more));
      };
      return { script: { submitRequest }, before: () => refused.reached };
    },
    asked: 0,
    outcome: 'not_submitted',
    phase: 'cancelled',
    ends: 'cancelled',
    submission: 'not_sent',
  },
  'a submit is in flight': {
    set: () => {
      const sending = gate();
      const script: Script = {};
      script.submitRequest = async ({ input }) => {
        await sending.pass();
        return accepted(`${String(input['name'])}--1`);
      };
      return { script, before: () => sending.reached, after: sending.open };
    },
    asked: 1,
    outcome: 'cancelled',
    phase: 'cancelled',
    ends: 'cancelled',
  },
  'the request is queued': {
    set: () => ({ script: { readStatus: waiting('in_queue') }, before: untilRead }),
    asked: 1,
    outcome: 'cancelled',
    phase: 'cancelled',
    ends: 'cancelled',
  },
  'the work started after the last read': {
    set: () => ({
      script: { readStatus: thenFinished('in_queue'), cancelRequest: answer('not_cancellable', 'in_progress') },
      before: untilRead,
    }),
    asked: 1,
    outcome: 'not_cancellable',
    phase: 'in_progress',
    ends: 'as the policy says',
  },
  'the work runs': {
    set: () => ({
      script: { readStatus: thenFinished('in_progress'), cancelRequest: answer('not_cancellable', 'in_progress') },
      before: untilRead,
    }),
    asked: 1,
    outcome: 'not_cancellable',
    phase: 'in_progress',
    ends: 'as the policy says',
  },
  'the work is over but nobody has noticed': {
    set: () => ({
      script: { readStatus: waiting('in_progress'), cancelRequest: answer('not_cancellable', 'finished') },
      before: untilRead,
    }),
    asked: 1,
    outcome: 'too_late',
    phase: 'fetching_result',
    ends: 'with its result',
  },
  'the result is being fetched': {
    set: () => {
      const fetching = gate();
      const fetchResult = () => fetching.pass().then(succeeded);
      const readStatus = () => Promise.resolve(reading('finished'));
      return { script: { readStatus, fetchResult }, before: () => fetching.reached, after: fetching.open };
    },
    asked: 0,
    outcome: 'too_late',
    phase: 'fetching_result',
    ends: 'with its result',
  },
  'the first answer of the cancel is lost': {
    set: () => {
      let calls = 0;
      const cancelRequest = () => {
        calls += 1;
        if (calls > 1) return answer('cancelled', 'cancelled')();
        return Promise.reject(activityFailure('ServiceUnavailable', {}, { retryable: true }));
      };
      return { script: { readStatus: waiting('in_queue'), cancelRequest }, before: untilRead };
    },
    asked: 2,
    outcome: 'cancelled',
    phase: 'cancelled',
    ends: 'cancelled',
  },
};
