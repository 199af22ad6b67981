import { describe, expect, it } from 'vitest';
import type { StatusReading } from '../../../domain/activities.ts';
import { searchAttributeNames } from '../../../domain/names.ts';
import { endingOf, historiesOf, reading, withGenerations } from '../../support/generations.ts';
import { withoutLostTasks } from '../../support/lost-tasks.ts';

/** Events of a clean generation: all that is not reading, and each status read with the wait before it. */
const fixedEvents = 24;
const eventsPerRead = 11;

describe('the history of a clean generation', () => {
  it.concurrent.each([1, 5, 20])('with %i status reads stays within its budget', async (statusReads) => {
    let reads = 0;
    const status = (): StatusReading['status'] => {
      if (reads >= statusReads) return 'finished';
      return reads <= statusReads / 2 ? 'in_queue' : 'in_progress';
    };
    await withGenerations(
      {
        readStatus: () => {
          reads += 1;
          // The search attributes, too: what is not said of them for half a minute is asked for, by events of its own.
          const more = { queuePosition: statusReads - reads, searchAttributes: searchAttributeNames };
          return Promise.resolve(reading(status(), { nextReadInMs: 50, ...more }));
        },
        submitRequest: () =>
          Promise.resolve({
            requestId: 'request-1',
            submittedAt: new Date().toISOString(),
            nextReadInMs: 50,
            searchAttributes: searchAttributeNames,
            workKey: 'kling/kling-3.0/standard/image-to-video',
          }),
      },
      async (rig) => {
        const handle = await rig.start();
        const { result } = await endingOf(handle);
        expect(result?.reads).toBe(statusReads + 1);
        const histories = await historiesOf(rig.client, handle.workflowId);
        expect(histories).toHaveLength(1);
        const events = withoutLostTasks(histories[0]?.events ?? []);
        // A budget that counts the deadline's timer and the search attributes is only held where they are there.
        expect(events.filter(({ timerStartedEventAttributes }) => timerStartedEventAttributes)).not.toHaveLength(0);
        expect(
          events.filter((event) => event.upsertWorkflowSearchAttributesEventAttributes).length,
        ).toBeGreaterThanOrEqual(2);
        expect(events.length).toBeLessThanOrEqual(fixedEvents + eventsPerRead * statusReads);
      },
    );
  });
});
