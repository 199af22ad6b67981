import { activityInfo, cancelled as untilDropped } from '@temporalio/activity';
import { untilSeen } from '../../support/eventually.ts';
import {
  activityFailure,
  type GenerationRun,
  order,
  reading,
  type Rig,
  untilState,
} from '../../support/generations.ts';
import { laterShapes } from './later-shapes.ts';
import type { Shape } from './shape.ts';

const waiting = (status: 'in_queue' | 'in_progress') => () =>
  Promise.resolve(reading(status, { nextReadInMs: 600_000 }));
/** Each read sees the next of these, and `finished` once all were seen. */
const oneByOne = (...statuses: ('in_progress' | 'finished')[]) => {
  return () => Promise.resolve(reading(statuses.shift() ?? 'finished', { nextReadInMs: 600_000 }));
};
const refused = () =>
  Promise.resolve({
    outcome: 'not_cancellable',
    status: 'in_progress',
    reads: 1,
    readAt: new Date().toISOString(),
  } as const);
const unknown = () =>
  Promise.reject(activityFailure('SubmitOutcomeUnknown', { submission: 'unknown', sentAt: new Date().toISOString() }));

const acceptedSoon = () => ({
  requestId: 'request-1',
  submittedAt: new Date().toISOString(),
  nextReadInMs: 20,
  isNextReadSoon: true,
  searchAttributes: [],
});

/**
 * A generation whose submit has failed once and waits for its next attempt. One whose worker is taken for lost, since the
 * machine has much to do, goes on without that: another is begun.
 */
async function startInBackoff(rig: Rig): Promise<GenerationRun> {
  for (;;) {
    const handle = await rig.start();
    const seen = await untilSeen(async () => {
      const { raw } = await handle.describe();
      if (raw.pendingActivities?.some(({ attempt }) => (attempt ?? 0) > 1)) return 'backoff';
      const { events } = await handle.fetchHistory();
      return events?.some((event) => event.activityTaskTimedOutEventAttributes) ? 'lost' : undefined;
    });
    if (seen === 'backoff') return handle;
  }
}

/** Each of these has a recorded history that every later version of the workflow must replay. */
export const shapes: Record<string, Shape> = {
  plain: {
    activities: () => ({ readStatus: () => Promise.resolve(reading('finished')) }),
    run: (rig) => rig.start(),
    end: { phase: 'succeeded' },
  },
  'queued-then-running': {
    activities: () => ({}),
    run: (rig) => rig.start(),
    end: { phase: 'succeeded' },
  },
  'close-reads-in-the-activity': {
    activities: () => {
      const statuses = ['in_queue', 'in_progress'] as const;
      let read = 0;
      return {
        submitRequest: () => Promise.resolve(acceptedSoon()),
        readStatus: () => Promise.resolve(reading(statuses[read++] ?? 'finished', { isNextReadSoon: true })),
      };
    },
    run: (rig) => rig.start(),
    end: { phase: 'succeeded' },
  },
  'nudged-while-the-activity-waits': {
    activities: () => {
      let first: string | undefined;
      return {
        submitRequest: () => Promise.resolve({ ...acceptedSoon(), nextReadInMs: 60_000 }),
        readStatus: async () => {
          const { activityId } = activityInfo();
          first ??= activityId;
          // It waits until the worker stops: only the nudge brings another read.
          if (activityId === first) await untilDropped();
          return reading('finished');
        },
      };
    },
    run: async (rig) => {
      const handle = await rig.start();
      await untilState(handle, ({ nextReadAt }) => nextReadAt !== undefined);
      await handle.signal('nudge');
      return handle;
    },
    end: { phase: 'succeeded' },
  },
  'leaves-its-duration-for-learning': {
    activities: () => ({
      submitRequest: () =>
        Promise.resolve({
          requestId: 'request-1',
          submittedAt: new Date().toISOString(),
          nextReadInMs: 20,
          workKey: `${order.model} duration=5`,
          searchAttributes: [],
        }),
    }),
    run: (rig) => rig.start(),
    end: { phase: 'succeeded' },
  },
  'result-lags-behind-status': {
    activities: () => {
      let lagging = 2;
      return {
        readStatus: () => Promise.resolve(reading('finished')),
        fetchResult: () => {
          const seen = { reads: 1, readAt: new Date().toISOString() };
          lagging -= 1;
          return Promise.resolve(
            lagging >= 0
              ? { status: 'not_ready', nextReadInMs: 20, ...seen }
              : {
                  status: 'succeeded',
                  output: { images: ['https://cdn.example/a.png'], videos: [], audios: [] },
                  ...seen,
                },
          );
        },
      };
    },
    run: (rig) => rig.start(),
    end: { phase: 'succeeded' },
  },
  'take-over-by-request-id': {
    activities: () => ({}),
    run: (rig) => rig.start({ model: order.model, requestId: 'request-made-elsewhere' }),
    end: { phase: 'succeeded' },
  },
  'cancel-while-queued': {
    activities: () => ({ readStatus: waiting('in_queue') }),
    run: async (rig) => {
      const handle = await rig.start();
      await untilState(handle, ({ reads }) => reads > 0);
      await handle.executeUpdate('cancel', { args: [{ reason: 'changed my mind' }] });
      return handle;
    },
    end: { type: 'GenerationCancelled', phase: 'cancelled' },
  },
  'cancel-while-running-then-wait': {
    activities: () => ({ readStatus: oneByOne('in_progress', 'finished'), cancelRequest: refused }),
    run: async (rig) => {
      const handle = await rig.start();
      await untilState(handle, ({ phase }) => phase === 'in_progress');
      await handle.signal('cancel');
      return handle;
    },
    end: { phase: 'succeeded' },
  },
  'workflow-cancellation-while-running': {
    activities: () => ({ readStatus: waiting('in_progress'), cancelRequest: refused }),
    run: async (rig) => {
      const handle = await rig.start();
      await untilState(handle, ({ phase }) => phase === 'in_progress');
      await handle.cancel();
      return handle;
    },
    end: { type: 'Canceled', phase: 'cancelled' },
  },
  'cancel-in-backoff': {
    activities: () => ({
      submitRequest: () =>
        Promise.reject(
          activityFailure('RateLimited', { submission: 'refused' }, { retryable: true, nextRetryDelay: 60_000 }),
        ),
    }),
    run: async (rig) => {
      const handle = await startInBackoff(rig);
      await handle.executeUpdate('cancel');
      return handle;
    },
    end: { type: 'GenerationCancelled', phase: 'cancelled' },
  },
  'cancel-in-backoff-of-an-accepted-submit': {
    activities: () => ({
      submitRequest: () =>
        Promise.reject(
          activityFailure('the answer cannot be encoded', {}, { retryable: true, nextRetryDelay: 60_000 }),
        ),
      recallSubmit: () => Promise.resolve({ requestId: 'request-1', submittedAt: new Date().toISOString() }),
      readStatus: waiting('in_queue'),
    }),
    run: async (rig) => {
      const handle = await startInBackoff(rig);
      await handle.executeUpdate('cancel');
      return handle;
    },
    end: { type: 'GenerationCancelled', phase: 'cancelled' },
  },
  deadline: {
    activities: () => ({ readStatus: waiting('in_progress'), cancelRequest: refused }),
    run: (rig) => rig.start({ ...order, deadlineMs: 3_000 }),
    end: { type: 'GenerationTimedOut', phase: 'timed_out' },
  },
  'queue-deadline-while-queued': {
    activities: () => ({ readStatus: waiting('in_queue') }),
    run: (rig) => rig.start({ ...order, queueDeadlineMs: 700 }),
    end: { type: 'GenerationTimedOut', phase: 'timed_out' },
  },
  'queue-deadline-while-running': {
    activities: () => {
      let isAsked = false;
      return {
        readStatus: () => Promise.resolve(reading(isAsked ? 'finished' : 'in_queue', { nextReadInMs: 600_000 })),
        cancelRequest: () => {
          isAsked = true;
          return refused();
        },
      };
    },
    run: (rig) => rig.start({ ...order, queueDeadlineMs: 700 }),
    end: { phase: 'succeeded' },
  },
  'failed-by-provider': {
    activities: () => ({
      readStatus: () => Promise.resolve(reading('finished')),
      fetchResult: () =>
        Promise.resolve({ status: 'failed', reason: 'content policy', reads: 1, readAt: new Date().toISOString() }),
    }),
    run: (rig) => rig.start(),
    end: { type: 'GenerationFailed', phase: 'failed' },
  },
  'invalid-input': {
    activities: () => ({
      submitRequest: () =>
        Promise.reject(
          activityFailure('InvalidInput', {
            submission: 'not_sent',
            issues: [{ path: '$.duration', message: 'too long' }],
          }),
        ),
    }),
    run: (rig) => rig.start(),
    end: { type: 'InvalidInput', phase: 'failed' },
  },
  'submission-unknown-then-adopted': {
    activities: () => ({ submitRequest: unknown }),
    run: async (rig) => {
      const handle = await rig.start();
      await untilState(handle, ({ phase }) => phase === 'submission_unknown');
      await handle.executeUpdate('resolveSubmission', { args: [{ action: 'adopt', requestId: 'found-by-hand' }] });
      return handle;
    },
    end: { phase: 'succeeded' },
  },
  'submission-unknown-then-handed-over': {
    activities: () => ({ submitRequest: unknown }),
    run: async (rig) => {
      const handle = await rig.start();
      await untilState(handle, ({ phase }) => phase === 'submission_unknown');
      await handle.signal('requestAccepted', { firstExecutionRunId: handle.firstExecutionRunId, requestId: 'spooled' });
      return handle;
    },
    end: { phase: 'succeeded' },
  },
  'submission-unknown-fail': {
    activities: () => ({ submitRequest: unknown }),
    run: (rig) => rig.start({ ...order, onUnknownSubmission: 'fail' }),
    end: { type: 'SubmitOutcomeUnknown', phase: 'submission_unknown' },
  },
  'submission-unknown-resubmitted': {
    activities: () => {
      let posts = 0;
      return {
        submitRequest: () => {
          posts += 1;
          if (posts === 1) return unknown();
          const submittedAt = new Date().toISOString();
          return Promise.resolve({ requestId: 'second', submittedAt, nextReadInMs: 20, searchAttributes: [] });
        },
      };
    },
    run: (rig) => rig.start({ ...order, onUnknownSubmission: 'resubmit' }),
    end: { phase: 'succeeded' },
  },
  ...laterShapes,
};
