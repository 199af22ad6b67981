import { describe, expect, it } from 'vitest';
import type { OrderEnd } from '../../../domain/budget/budget.ts';
import { type CostEntry, costsOfEnd, createCostTally } from '../../../domain/costs.ts';

const entry = (requestId: string | undefined, more: Partial<CostEntry> = {}): CostEntry => ({
  requestId,
  group: 'a',
  kind: 'priced',
  cost: 1_260_000,
  ...more,
});

describe('the end of an order', () => {
  const end: OrderEnd = { submission: 'accepted', phase: 'succeeded', priceUsd: 1.26 };
  const stopped = { phase: 'cancelled', cancel: { outcome: 'cancelled' } };

  const priced = (cost: number) => ({ kind: 'priced', cost });
  const presumed = { kind: 'presumed', cost: 1_260_000 };
  const free = { kind: 'free', cost: 0 };
  const unknown = { kind: 'unknown', cost: 0 };

  it.each([
    ['says what its request cost', { costUsd: 1 }, [priced(1_000_000)]],
    ['says what one of two submits cost', { costUsd: 1, otherCostsUnknown: 1 }, [priced(1_000_000), presumed]],
    ['says what only the other one cost', { otherCostUsd: 0.5 }, [presumed, priced(500_000)]],
    ['says what both cost', { costUsd: 1, otherCostUsd: 0.5 }, [priced(1_000_000), priced(500_000)]],
    [
      'says what one of three submits cost',
      { otherCostUsd: 0.5, otherCostsUnknown: 1 },
      [presumed, priced(500_000), presumed],
    ],
    ['says nothing', {}, [presumed]],
    ['says nothing of two submits', { otherCostsUnknown: 1 }, [presumed, presumed]],
    ['says nothing of three submits', { otherCostsUnknown: 2 }, [presumed, presumed, presumed]],
    ['knows no price of three submits', { priceUsd: undefined, otherCostsUnknown: 2 }, [unknown, unknown, unknown]],
    ['knows no price', { priceUsd: undefined }, [unknown]],
    ['knows no price of two submits', { priceUsd: undefined, otherCostUsd: 0.5 }, [unknown, priced(500_000)]],
    ['is that of a stop', stopped, [free]],
    ['is that of a stop of both submits', { ...stopped, otherCostUsd: 0 }, [free, free]],
    ['is that of a stop of the second submit', { ...stopped, otherCostsUnknown: 1 }, [free, presumed]],
    ['is that of a stop after a billed submit', { ...stopped, otherCostUsd: 1 }, [free, priced(1_000_000)]],
    ['is that of a refusal', { submission: 'refused', phase: 'failed' }, []],
    ['is that of nothing sent', { submission: 'not_sent', phase: 'failed' }, []],
  ] satisfies [string, Partial<OrderEnd>, unknown][])('that %s gives no more for said than was', (_, more, costs) => {
    expect(costsOfEnd('r', { ...end, ...more }).map(({ kind, cost }) => ({ kind, cost }))).toEqual(costs);
  });

  it('names each request that it can, so that whoever else followed one counts it no more', () => {
    const named = (more: Partial<OrderEnd>) =>
      costsOfEnd('r', { ...end, otherCostUsd: 1, ...more }).map(({ requestId }) => requestId);
    expect(named({ otherRequestIds: ['r1'] })).toEqual(['r', 'r1']);
    expect(named({ otherRequestIds: ['r1'], otherCostsUnknown: 1 })).toEqual(['r', 'r1', undefined]);
    expect(named({ otherRequestIds: ['r1', 'r2'] })).toEqual(['r', undefined]);
  });
});

describe('a tally of costs', () => {
  it('counts a request once, by the run that knows most of it, in whichever order they come', () => {
    const entries = [
      entry('r', { kind: 'unknown', cost: 0, group: 'gave up' }),
      entry('r', { group: 'late' }),
      entry('r', { kind: 'presumed', cost: 9, group: 'guessed' }),
    ];
    for (const order of [entries, entries.toReversed()]) {
      const tally = createCostTally();
      for (const each of order) expect(tally.add(each)).toBe(true);
      expect(tally.rows()).toMatchObject([{ group: 'late', requests: 1, costUsd: 1.26, priced: 1, unknown: 0 }]);
    }
  });

  it('tells apart what is priced, presumed, free, open and unknown, and adds them up without noise', () => {
    const tally = createCostTally();
    for (let at = 0; at < 600; at += 1) tally.add(entry(`p${String(at)}`, { cost: 1_200_000 }));
    tally.add(entry('presumed', { kind: 'presumed', cost: 420_000, group: 'b' }));
    tally.add(entry('free', { kind: 'free', cost: 0 }));
    tally.add(entry('open', { kind: 'open', cost: 0 }));
    tally.add(entry(undefined, { kind: 'unknown', cost: 0 }));
    tally.add(entry(undefined, { kind: 'unknown', cost: 0 }));
    const both = { requests: 605, costUsd: 720, priced: 600, presumedUsd: 0.42, presumed: 1 };
    expect(tally.total()).toEqual({ ...both, free: 1, unknown: 2, open: 1 });
    expect(tally.rows().map(({ group, requests }) => [group, requests])).toEqual([
      ['a', 604],
      ['b', 1],
    ]);
  });

  it('refuses what it has no room for, and still takes more of what it knows', () => {
    const tally = createCostTally(2);
    expect(tally.add(entry('one', { kind: 'open', cost: 0 }))).toBe(true);
    expect(tally.add(entry(undefined))).toBe(true);
    expect(tally.add(entry('three'))).toBe(false);
    expect(tally.add(entry('one'))).toBe(true);
    expect(tally.total()).toMatchObject({ requests: 2, costUsd: 2.52 });
  });
});
