import { activityFailure, order, reading, untilState } from '../../support/generations.ts';
import { accepted } from '../../support/scripted-generations.ts';
import type { Shape } from './shape.ts';

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
            : Promise.resolve(accepted('request-1'));
        },
      };
    },
    run: async (rig) => {
      const handle = await rig.start({ ...order, onWall: 'wait' });
      await untilState(handle, ({ wall }) => wall !== undefined);
      await handle.signal('nudge');
      return handle;
    },
    end: { phase: 'succeeded' },
  },
  'watched-by-a-person': {
    activities: () => {
      const statuses = ['in_queue', 'in_progress'] as const;
      let read = 0;
      return {
        readStatus: () => Promise.resolve(reading(statuses[read++] ?? 'finished', { nextReadInMs: 60_000 })),
      };
    },
    run: async (rig) => {
      const handle = await rig.start();
      for (const phase of ['in_queue', 'in_progress']) {
        await untilState(handle, (state) => state.phase === phase);
        await handle.signal('watch');
        await handle.signal('nudge');
      }
      return handle;
    },
    end: { phase: 'succeeded' },
  },
};
