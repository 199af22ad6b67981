import { describe, expect, it } from 'vitest';
import { createGenerationClient } from '../../../client/index.ts';
import type { Activities } from '../../../domain/activities.ts';
import type { WaitingOptions } from '../../../domain/generation.ts';
import {
  endingOf,
  happyActivities,
  historiesOf,
  order,
  reading,
  untilState,
  withGenerations,
} from '../../support/generations.ts';

/** Activities whose second read sees the end, and what each was told that a read is worth. */
function noting(nextReadInMs: number) {
  const told: (WaitingOptions | undefined)[] = [];
  const { submitRequest } = happyActivities();
  const activities: Partial<Activities> = {
    submitRequest: (asked) => {
      told.push(asked.waiting);
      return submitRequest(asked);
    },
    readStatus: ({ waiting }) => {
      told.push(waiting);
      return Promise.resolve(reading(told.length < 3 ? 'in_progress' : 'finished', { nextReadInMs }));
    },
  };
  return { told, activities };
}

describe('a generation that a person watches', () => {
  it('is read as the preset for people has it', async () => {
    const { told, activities } = noting(20);
    await withGenerations(activities, async (rig) => {
      await endingOf(await rig.startWithSignal('watch', []));
      expect(told).toEqual([{ preset: 'interactive' }, { preset: 'interactive' }, { preset: 'interactive' }]);
    });
  });

  it('is read as its order says, where it says how', async () => {
    const { told, activities } = noting(20);
    await withGenerations(activities, async (rig) => {
      const waiting = { secondsOfDelayPerRead: 5 };
      await endingOf(await rig.startWithSignal('watch', [], { ...order, waiting }));
      expect(told).toEqual([waiting, waiting, waiting]);
    });
  });

  it('is told so by the client of a person alone, and read at once where the next read was far off', async () => {
    const { told, activities } = noting(600_000);
    await withGenerations(activities, async (rig) => {
      const handle = await rig.start();
      await untilState(handle, ({ nextReadAt }) => nextReadAt !== undefined);
      const generation = await createGenerationClient({ client: rig.client }).get(handle.workflowId);
      const signalsSent = async () =>
        (await historiesOf(rig.client, handle.workflowId)).flatMap(({ events }) =>
          (events ?? []).flatMap((event) => event.workflowExecutionSignaledEventAttributes?.signalName ?? []),
        );

      for await (const { phase } of generation.watch()) {
        if (phase === 'in_progress') break;
      }
      expect(await signalsSent()).toEqual([]);

      const phases: string[] = [];
      for await (const { phase } of generation.watch({ isPerson: true })) phases.push(phase);
      expect(phases.at(-1)).toBe('succeeded');
      expect(await signalsSent()).toEqual(['watch', 'nudge']);
      expect(told).toEqual([undefined, undefined, { preset: 'interactive' }]);
    });
  });
});
