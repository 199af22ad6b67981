import { activityFailure, order, reading, untilState } from '../../support/generations.ts';
import { accepted, gate } from '../../support/scripted-generations.ts';
import type { Shape } from './shape.ts';

/** What a nudge is to bring waits for it: however late it comes, there is somebody left to nudge. */
const nudgedAtWall = gate();
const nudgedAfterOutage = gate();
const sentByFirstRun = gate();
const refusedOnceCancelled = gate();

/** Shapes of the paths behind `patched`, which the first recorded histories do not take. */
export const laterShapes: Record<string, Shape> = {
  'submission-unknown-then-abandoned': {
    activities: () => ({
      submitRequest: () => Promise.reject(activityFailure('SubmitOutcomeUnknown', { submission: 'unknown' })),
    }),
    run: async (rig) => {
      const handle = await rig.start();
      await untilState(handle, ({ phase }) => phase === 'submission_unknown');
      await handle.executeUpdate('resolveSubmission', { args: [{ action: 'abandon' }] });
      return handle;
    },
    end: { type: 'SubmitOutcomeUnknown', phase: 'submission_unknown' },
  },
  'empty-wallet-waited-for': {
    activities: () => {
      let posts = 0;
      return {
        submitRequest: () => {
          posts += 1;
          return posts === 1
            ? Promise.reject(activityFailure('InsufficientBalance', { submission: 'refused' }))
            : nudgedAtWall.pass().then(() => accepted('request-1'));
        },
      };
    },
    run: async (rig) => {
      const handle = await rig.start({ ...order, onWall: 'wait' });
      await untilState(handle, ({ wall }) => wall !== undefined);
      await handle.signal('nudge');
      nudgedAtWall.open();
      return handle;
    },
    end: { phase: 'succeeded' },
  },
  'watched-by-a-person': {
    activities: () => {
      const statuses = ['in_queue', 'in_progress'] as const;
      let read = 0;
      return {
        readStatus: () => Promise.resolve(reading(statuses[read++] ?? 'finished', { nextReadInMs: 600_000 })),
      };
    },
    run: async (rig) => {
      const handle = await rig.start();
      for (const seen of [1, 2]) {
        await untilState(handle, ({ reads }) => reads === seen);
        await handle.signal('watch');
        await handle.signal('nudge');
      }
      return handle;
    },
    end: { phase: 'succeeded' },
  },
  'stopped-between-attempts-of-a-run-that-was-reset': {
    activities: () => ({
      submitRequest: () =>
        Promise.reject(
          activityFailure('RateLimited', { submission: 'not_sent' }, { retryable: true, nextRetryDelay: 60_000 }),
        ),
      recallSubmit: () => Promise.resolve({ isReset: true }),
    }),
    run: async (rig) => {
      const handle = await rig.start();
      await untilState(handle, ({ phase }) => phase === 'submitting');
      await handle.signal('cancel');
      await untilState(handle, ({ submission }) => submission === 'unknown');
      await handle.executeUpdate('resolveSubmission', { args: [{ action: 'abandon' }] });
      return handle;
    },
    end: { type: 'SubmitOutcomeUnknown', phase: 'submission_unknown' },
  },
  'refused-while-it-is-cancelled': {
    activities: () => ({
      submitRequest: async () => {
        await refusedOnceCancelled.pass();
        throw activityFailure('RateLimited', { submission: 'not_sent' }, { retryable: true });
      },
      recallSubmit: () => Promise.resolve({ isReset: false }),
    }),
    run: async (rig) => {
      const handle = await rig.start();
      await refusedOnceCancelled.reached;
      await handle.signal('cancel');
      await untilState(handle, ({ cancel }) => cancel !== undefined);
      refusedOnceCancelled.open();
      return handle;
    },
    end: { type: 'GenerationCancelled', phase: 'cancelled' },
  },
  'retried-by-temporal': {
    activities: () => {
      let isFirst = true;
      return {
        submitRequest: async () => {
          if (isFirst) await sentByFirstRun.pass();
          isFirst = false;
          return accepted('request-1');
        },
      };
    },
    run: async (rig) => {
      // The second run, too, must be asked and answered within it.
      const handle = await rig.start(order, { workflowRunTimeout: '40s', retry: { maximumAttempts: 2 } });
      await untilState(handle, ({ phase }) => phase === 'submission_unknown');
      await handle.executeUpdate('resolveSubmission', { args: [{ action: 'abandon' }] });
      sentByFirstRun.open();
      return handle;
    },
    end: { type: 'SubmitOutcomeUnknown', phase: 'submission_unknown' },
  },
  'reading-that-temporal-gave-up-goes-on': {
    activities: () => {
      let isFirst = true;
      return {
        readStatus: () => {
          if (!isFirst) return nudgedAfterOutage.pass().then(() => reading('finished'));
          isFirst = false;
          return Promise.reject(activityFailure('ServiceUnavailable', { reads: 3 }));
        },
      };
    },
    run: async (rig) => {
      const handle = await rig.start();
      await untilState(handle, ({ reads }) => reads >= 3);
      await handle.signal('nudge');
      nudgedAfterOutage.open();
      return handle;
    },
    end: { phase: 'succeeded' },
  },
  'shown-after-half-a-minute': {
    activities: () => ({
      submitRequest: () =>
        Promise.resolve({ ...accepted('request-1'), nextReadInMs: 31_000, searchAttributes: ['RunComfyPhase'] }),
      readStatus: () => Promise.resolve(reading('finished')),
      listSearchAttributes: () => Promise.resolve({ existing: ['RunComfyPhase'] }),
    }),
    run: (rig) => rig.start(),
    end: { phase: 'succeeded' },
  },
};
