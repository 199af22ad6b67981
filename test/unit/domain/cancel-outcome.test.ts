import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CancelEvent, cancelEvents, cancelOutcomeAfter } from '../../../domain/cancel-outcome.ts';
import type { CancelOutcome } from '../../../domain/generation.ts';

type Standing = CancelOutcome | undefined;

const anyEvents = fc.array(fc.constantFrom(...cancelEvents), { maxLength: 30 });

/** Every standing that the events lead through, the first one included. */
function walk(events: CancelEvent[], from?: CancelOutcome): Standing[] {
  const standings: Standing[] = [from];
  for (const event of events) standings.push(cancelOutcomeAfter(standings.at(-1), event));
  return standings;
}

const holds = (property: (events: CancelEvent[], standings: Standing[]) => void) => {
  fc.assert(
    fc.property(anyEvents, (events) => {
      property(events, walk(events));
    }),
  );
};

describe('the outcome of a cancel', () => {
  it('is never taken back once RunComfy has stopped the work, or nothing was ever sent', () => {
    for (const last of ['cancelled', 'not_submitted'] as const) {
      fc.assert(
        fc.property(anyEvents, (events) => {
          expect(new Set(walk(events, last))).toEqual(new Set([last]));
        }),
      );
    }
  });

  it('says cancelled only after RunComfy said so, and not_submitted only after nothing was sent', () => {
    holds((events, standings) => {
      for (const [index, standing] of standings.entries()) {
        const before = events.slice(0, index);
        if (standing === 'cancelled') expect(before).toContain('stopped');
        if (standing === 'not_submitted') expect(before).toContain('unsent');
        if (standing === 'not_cancellable') expect(before).toContain('not_stoppable');
      }
    });
  });

  it('never forgets that the work could not be stopped, except for its end', () => {
    holds((_, standings) => {
      const from = standings.indexOf('not_cancellable');
      const later = from < 0 ? [] : standings.slice(from);
      expect(later.every((standing) => ['not_cancellable', 'too_late', 'cancelled'].includes(standing ?? ''))).toBe(
        true,
      );
    });
  });

  it('becomes unknown only where there was no answer yet, and is asked for again only after that', () => {
    holds((_, standings) => {
      for (const [index, standing] of standings.entries()) {
        const before = standings[index - 1];
        if (standing === 'unknown') expect([undefined, 'unknown']).toContain(before);
        if (standing === undefined && index > 0) expect([undefined, 'unknown']).toContain(before);
      }
    });
  });

  it('is there once the generation has ended', () => {
    holds((events) => {
      expect(walk([...events, 'ended']).at(-1)).toBeDefined();
    });
  });

  it('does not change when the same thing happens twice', () => {
    holds((events) => {
      for (const event of cancelEvents) {
        const once = walk([...events, event]).at(-1);
        expect(cancelOutcomeAfter(once, event)).toBe(once);
      }
    });
  });
});
