import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  areBooksFull,
  type Books,
  carryBooks,
  nextPeriodAt,
  openBooks,
  release,
  reserve,
  resumeBooks,
  setLimit,
  settle,
  stateOf,
} from '../../../../domain/budget/books.ts';
import { budgetPeriods, settlementOutcomes } from '../../../../domain/budget/budget.ts';
import { toMicro, toUsd } from '../../../../domain/budget/money.ts';

const noon = Date.UTC(2026, 10, 26, 12);
const midnight = Date.UTC(2026, 10, 27);

const usd = fc.integer({ min: 0, max: 4_000_000 }).map(toUsd);
const key = fc.integer({ min: 1, max: 8 }).map((nth) => `order-${String(nth)}`);

type Step =
  | { kind: 'reserve'; key: string; priceUsd: number }
  | {
      kind: 'settle';
      key: string;
      outcome: (typeof settlementOutcomes)[number];
      costUsd?: number;
      presumedUsd?: number;
      grant?: number;
    }
  | { kind: 'release'; key: string }
  | { kind: 'carry' }
  | { kind: 'pass'; ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('reserve' as const), key, priceUsd: usd }) },
  {
    weight: 4,
    arbitrary: fc.record(
      {
        kind: fc.constant('settle' as const),
        key,
        outcome: fc.constantFrom(...settlementOutcomes),
        costUsd: usd,
        presumedUsd: usd,
        grant: fc.integer({ min: 1, max: 30 }),
      },
      { requiredKeys: ['kind', 'key', 'outcome'] },
    ),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('release' as const), key }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'carry' as const }) },
  {
    weight: 1,
    // A clock may be set back, too.
    arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: -3_600_000, max: 100_000_000 }) }),
  },
);

/** The sums as they follow from the reservations alone. */
function reservedAnew(books: Books): number {
  return [...books.open.values()]
    .filter(({ at }) => at >= books.periodStart)
    .reduce((sum, { price }) => sum + price, 0);
}

describe('the books of a budget', () => {
  it('never hold more spent and reserved than the limit, whatever comes in, and add up at every step', () => {
    const run = (period: (typeof budgetPeriods)[number], limitUsd: number, steps: Step[]) => {
      let now = noon;
      let books = openBooks({ limitUsd, period }, now);
      for (const each of steps) {
        const before = { spent: books.spent, over: books.over, start: books.periodStart };
        if (each.kind === 'reserve') reserve(books, each, now);
        if (each.kind === 'settle') settle(books, each, now);
        if (each.kind === 'release') release(books, each.key, now);
        if (each.kind === 'carry') books = resumeBooks(carryBooks(books));
        if (each.kind === 'pass') now += each.ms;
        expect(books.spent + books.reserved).toBeLessThanOrEqual(books.limit);
        expect(books.reserved).toBe(reservedAnew(books));
        expect(books.presumed).toBeLessThanOrEqual(books.spent);
        for (const sum of [books.spent, books.reserved, books.over, books.presumed]) {
          expect(Number.isSafeInteger(sum) && sum >= 0).toBe(true);
        }
        // What is spent is spent until the next period.
        if (books.periodStart === before.start) {
          expect(books.spent).toBeGreaterThanOrEqual(before.spent);
          expect(books.over).toBeGreaterThanOrEqual(before.over);
        } else {
          expect(books.periodStart).toBeGreaterThan(before.start);
        }
        expect(stateOf(books, 'b', now).open).toBe(books.open.size);
      }
    };
    fc.assert(fc.property(fc.constantFrom(...budgetPeriods), usd, fc.array(step, { maxLength: 60 }), run), {
      numRuns: 500,
    });
  });

  it('grant seven orders of $1.26 on $10, and the same key again at no cost', () => {
    const books = openBooks({ limitUsd: 10 }, noon);
    const verdicts = Array.from({ length: 200 }, (_, nth) =>
      reserve(books, { key: `order-${String(nth)}`, priceUsd: 1.26 }, noon),
    );
    expect(verdicts.filter(({ granted }) => granted)).toHaveLength(7);
    expect(reserve(books, { key: 'order-3', priceUsd: 1.26 }, noon)).toMatchObject({ granted: true, again: true });
    expect(stateOf(books, 'b', noon)).toMatchObject({ reservedUsd: 8.82, availableUsd: 1.18, open: 7, refused: 193 });
  });

  it('set aside what a higher price of the same key adds, and refuse it where there is no room', () => {
    const books = openBooks({ limitUsd: 2 }, noon);
    reserve(books, { key: 'a', priceUsd: 1 }, noon);
    expect(reserve(books, { key: 'a', priceUsd: 1.5 }, noon).granted).toBe(true);
    expect(reserve(books, { key: 'a', priceUsd: 2.1 }, noon).granted).toBe(false);
    expect(reserve(books, { key: 'a', priceUsd: 0.1 }, noon).granted).toBe(true);
    expect(toUsd(books.reserved)).toBe(1.5);
  });

  it('count no cost twice, and none of another grant', () => {
    const books = openBooks({ limitUsd: 2 }, noon);
    const { grant } = reserve(books, { key: 'a', priceUsd: 1 }, noon);
    reserve(books, { key: 'a', priceUsd: 1 }, noon);
    expect(settle(books, { key: 'a', outcome: 'refused', ...(grant !== undefined && { grant }) }, noon)).toBe(
      'ignored',
    );
    expect(settle(books, { key: 'a', outcome: 'succeeded', costUsd: 0.8 }, noon)).toBe('spent');
    expect(settle(books, { key: 'a', outcome: 'succeeded', costUsd: 0.8 }, noon)).toBe('ignored');
    expect(stateOf(books, 'b', noon)).toMatchObject({ spentUsd: 0.8, reservedUsd: 0, presumedUsd: 0 });
  });

  it('presume the price where no cost is told, keep what is unknown, and never release what was billed', () => {
    const books = openBooks({ limitUsd: 10 }, noon);
    for (const name of ['failed', 'unknown', 'cancelled', 'billed']) reserve(books, { key: name, priceUsd: 1 }, noon);
    settle(books, { key: 'failed', outcome: 'failed' }, noon);
    settle(books, { key: 'unknown', outcome: 'unknown' }, noon);
    settle(books, { key: 'cancelled', outcome: 'cancelled' }, noon);
    settle(books, { key: 'billed', outcome: 'cancelled', costUsd: 0.25 }, noon);
    expect(stateOf(books, 'b', noon)).toMatchObject({ spentUsd: 1.25, presumedUsd: 1, reservedUsd: 1, open: 1 });
  });

  it('take what is presumed for spent, and for no proof against the price', () => {
    const books = openBooks({ limitUsd: 20 }, noon);
    for (const key of ['a', 'b', 'c', 'd']) reserve(books, { key, priceUsd: 2.52 }, noon);
    settle(books, { key: 'a', outcome: 'succeeded', costUsd: 2.52, presumedUsd: 2.52 }, noon);
    expect(stateOf(books, 'b', noon)).toMatchObject({ spentUsd: 2.52, presumedUsd: 2.52, overUsd: 0 });
    settle(books, { key: 'b', outcome: 'succeeded', costUsd: 3, presumedUsd: 1.26 }, noon);
    expect(stateOf(books, 'b', noon)).toMatchObject({ spentUsd: 5.04, presumedUsd: 3.3, overUsd: 0 });
    // Less may have been billed than was reserved.
    settle(books, { key: 'c', outcome: 'failed', presumedUsd: 1.26 }, noon);
    expect(stateOf(books, 'b', noon)).toMatchObject({ spentUsd: 6.3, presumedUsd: 4.56, reservedUsd: 2.52 });
    settle(books, { key: 'd', outcome: 'succeeded', costUsd: 4, presumedUsd: 1 }, noon);
    expect(stateOf(books, 'b', noon)).toMatchObject({ spentUsd: 8.82, presumedUsd: 4.56, overUsd: 0.48 });
  });

  it('refuse everything after a cost above its price, until the limit is set anew', () => {
    const books = openBooks({ limitUsd: 10 }, noon);
    reserve(books, { key: 'a', priceUsd: 1 }, noon);
    settle(books, { key: 'a', outcome: 'succeeded', costUsd: 1.5 }, noon);
    expect(stateOf(books, 'b', noon)).toMatchObject({ spentUsd: 1, overUsd: 0.5, availableUsd: 0 });
    expect(reserve(books, { key: 'b', priceUsd: 0.01 }, noon)).toMatchObject({ granted: false, availableUsd: 0 });
    setLimit(books, 10, noon);
    expect(stateOf(books, 'b', noon)).toMatchObject({ spentUsd: 1.5, overUsd: 0, availableUsd: 8.5 });
    expect(reserve(books, { key: 'b', priceUsd: 0.01 }, noon).granted).toBe(true);
  });

  it('take a limit below what is spent, and grant nothing more', () => {
    const books = openBooks({ limitUsd: 10 }, noon);
    reserve(books, { key: 'a', priceUsd: 5 }, noon);
    settle(books, { key: 'a', outcome: 'succeeded', costUsd: 5 }, noon);
    setLimit(books, 2, noon);
    expect(stateOf(books, 'b', noon)).toMatchObject({ limitUsd: 2, spentUsd: 5, availableUsd: 0 });
    expect(reserve(books, { key: 'b', priceUsd: 0.01 }, noon).granted).toBe(false);
  });

  it('begin a day at 0 while five reservations of yesterday are open, whose costs belong to yesterday', () => {
    const books = openBooks({ limitUsd: 5, period: 'day' }, noon);
    for (let nth = 1; nth <= 5; nth += 1) reserve(books, { key: `old-${String(nth)}`, priceUsd: 1 }, noon);
    expect(stateOf(books, 'b', midnight)).toMatchObject({ spentUsd: 0, reservedUsd: 0, availableUsd: 5, open: 5 });
    expect(reserve(books, { key: 'new', priceUsd: 5 }, midnight).granted).toBe(true);
    settle(books, { key: 'old-1', outcome: 'succeeded', costUsd: 9 }, midnight);
    expect(stateOf(books, 'b', midnight)).toMatchObject({ spentUsd: 0, reservedUsd: 5, overUsd: 0, open: 5 });
    // The same order again, dearer: the whole of it counts today.
    expect(reserve(books, { key: 'old-2', priceUsd: 1.5 }, midnight).granted).toBe(false);
    expect(reserve(books, { key: 'old-2', priceUsd: 1 }, midnight).granted).toBe(true);
    expect(stateOf(books, 'b', midnight)).toMatchObject({ reservedUsd: 5 });
  });

  it('know when the next period begins, over months and years', () => {
    const at = (period: 'day' | 'month', now: number) => nextPeriodAt(openBooks({ limitUsd: 1, period }, now));
    expect(at('day', noon)).toBe(midnight);
    expect(at('month', noon)).toBe(Date.UTC(2026, 11, 1));
    expect(at('month', Date.UTC(2026, 11, 31, 23, 59, 59, 999))).toBe(Date.UTC(2027, 0, 1));
    expect(nextPeriodAt(openBooks({ limitUsd: 1 }, noon))).toBeUndefined();
  });

  it('are full before they outgrow what a workflow can hand on', () => {
    const books = openBooks({ limitUsd: 1_000_000 }, noon);
    for (let nth = 0; !areBooksFull(books); nth += 1)
      reserve(books, { key: `${'é'.repeat(400)}${String(nth)}`, priceUsd: 1 }, noon);
    const bytes = Buffer.byteLength(JSON.stringify(carryBooks(books)));
    expect(bytes).toBeGreaterThan(900_000);
    expect(bytes).toBeLessThan(1_100_000);
    for (const { key: each } of [...books.open.values()]) release(books, each, noon);
    expect(books.openBytes).toBe(0);
  });
});

describe('money', () => {
  it('is counted in whole micro-dollars, and no fraction of a cost is lost', () => {
    expect(toMicro(0.29)).toBe(290_000);
    expect(toMicro(1.1 + 2.2)).toBe(3_300_000);
    expect(toMicro(0.000_000_1)).toBe(1);
    expect(toMicro(0)).toBe(0);
    expect(Number.isSafeInteger(toMicro(1e15))).toBe(true);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e12 }), (micro) => {
        expect(toMicro(toUsd(micro))).toBe(micro);
      }),
    );
  });
});
