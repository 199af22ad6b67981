import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EndedItem, WindowQuestion } from '../../../../domain/batch/batch-activities.ts';
import { boundLine } from '../../../../domain/batch/batch-line.ts';
import { pagesFor, placeOf } from '../../../../domain/batch/batch-page.ts';
import {
  answerOf,
  barrierTo,
  beginItem,
  endItem,
  giveItemBack,
  isWindowOver,
  mostStartedBy,
  nextToStart,
  openWindow,
  takeUpItems,
} from '../../../../domain/batch/batch-window.ts';
import { batchLimits, type BatchLine, type LineStatus } from '../../../../domain/batch/batch.ts';
import { jsonBytes } from '../../../../domain/json.ts';

const question = (more: Partial<WindowQuestion> = {}): WindowQuestion => ({
  key: 'b',
  firstRunId: 'r',
  defaults: {},
  pages: [],
  total: 100,
  open: [],
  givenBack: [],
  cursor: 0,
  window: 20,
  mayStart: true,
  failuresInARow: 0,
  pauseAfterFailures: 25,
  spent: 0,
  lastsMs: 20_000,
  write: [],
  ...more,
});

const ended = (index: number, status: LineStatus = 'succeeded', cost = 0): EndedItem => ({
  index,
  line: { id: String(index), key: `b/${String(index)}`, status },
  cost,
});

/** What can happen to a window: a start, an end in some way, a wall. */
const events = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.constant('start' as const) },
    { weight: 3, arbitrary: fc.constantFrom<LineStatus>('succeeded', 'failed', 'cancelled', 'submission_unknown') },
    { weight: 1, arbitrary: fc.constant('wall' as const) },
  ),
  { maxLength: 400 },
);

describe('a window of a batch', () => {
  it('counts every item in exactly one place, however items start, end and are given back, from window to window', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 60 }),
        fc.integer({ min: 1, max: 12 }),
        fc.array(events, { maxLength: 4 }),
        (total, size, windows) => {
          let asked = question({ total, window: size, pauseAfterFailures: 3 });
          const lines: number[] = [];
          for (const happening of windows) {
            const window = openWindow(asked);
            for (const event of happening) {
              if (event === 'start') {
                const index = nextToStart(window);
                if (index === undefined) continue;
                beginItem(window, { index });
                expect(window.open.size).toBeLessThanOrEqual(Math.max(size, asked.open.length));
              } else {
                const [index] = window.open.keys();
                if (index === undefined) continue;
                if (event === 'wall') giveItemBack(window, index, { reason: 'balance', message: 'empty' });
                else endItem(window, ended(index, event));
              }
            }
            const answer = answerOf(window, 1);
            lines.push(...answer.ended.map(({ index }) => index));
            const waiting = total - answer.cursor + answer.givenBack.length;
            expect(waiting + answer.open.length + lines.length).toBe(total);
            const places = [...lines, ...answer.open.map(({ index }) => index), ...answer.givenBack];
            expect(new Set(places).size).toBe(places.length);
            expect(answer.cursor - asked.cursor).toBeLessThanOrEqual(mostStartedBy(size));
            asked = question({ ...asked, ...answer, failuresInARow: 0 });
          }
        },
      ),
    );
  });

  it('never has more in flight or spent than the limit of money allows', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 40 }),
        fc.integer({ min: 0, max: 300 }),
        (prices, maxCost) => {
          const window = openWindow(question({ total: prices.length, window: 10, maxCost }));
          for (const price of prices) {
            const index = nextToStart(window);
            if (index === undefined || barrierTo(window, price) !== undefined) {
              const [open] = window.open.values();
              if (open) endItem(window, ended(open.index, 'succeeded', open.price));
              continue;
            }
            beginItem(window, { index, price });
            const reserved = [...window.open.values()].reduce((sum, open) => sum + (open.price ?? 0), 0);
            expect(window.spent + reserved).toBeLessThanOrEqual(maxCost);
          }
        },
      ),
    );
    expect(barrierTo(openWindow(question({ maxCost: 5 })), undefined)).toBe('price_unknown');
    expect(barrierTo(openWindow(question()), undefined)).toBeUndefined();
  });

  it('goes back at once with a wall, with failures in a row, with 250 lines, and where nothing is left', () => {
    const wall = openWindow(question());
    beginItem(wall, { index: 0 });
    expect(isWindowOver(wall)).toBe(false);
    giveItemBack(wall, 0, { reason: 'unauthenticated', message: 'no' });
    expect([isWindowOver(wall), nextToStart(wall), answerOf(wall, 2)]).toEqual([
      true,
      undefined,
      {
        ended: [],
        open: [],
        givenBack: [0],
        cursor: 1,
        stop: { reason: 'unauthenticated', message: 'no' },
        isFirstAttempt: false,
      },
    ]);
    const failing = openWindow(question({ failuresInARow: 1, pauseAfterFailures: 3 }));
    for (const [index, status] of (['failed', 'cancelled', 'timed_out'] as const).entries())
      endItem(failing, ended(index, status));
    expect([failing.stop?.reason, isWindowOver(failing)]).toEqual(['failures', true]);
    const full = openWindow(question({ total: 1_000, window: 500 }));
    for (let index = 0; index < 250; index += 1) endItem(full, ended(index));
    expect([isWindowOver(full), nextToStart(full)]).toEqual([true, undefined]);
    const lively = openWindow(question({ total: 1_000, window: 60 }));
    for (let index = 0; index < 59; index += 1) endItem(lively, ended(index));
    expect(isWindowOver(lively)).toBe(false);
    endItem(lively, ended(59));
    expect([isWindowOver(lively), nextToStart(lively)]).toEqual([true, 60]);
    const following = openWindow(question({ mayStart: false, open: [{ index: 3 }], cursor: 4 }));
    expect([isWindowOver(following), nextToStart(following)]).toEqual([false, undefined]);
    endItem(following, ended(3));
    expect(isWindowOver(following)).toBe(true);
  });

  it('stops at the 25th failure in a row, and tells the last; a success begins the row anew', () => {
    const failed = (index: number) => {
      const { line, ...end } = ended(index, 'failed');
      const message = `failure ${String(index)}`;
      return {
        ...end,
        line: { ...line, error: { type: 'GenerationFailed', message, submission: 'accepted' } as const },
      };
    };
    const window = openWindow(question());
    for (let index = 0; index < 24; index += 1) endItem(window, failed(index));
    endItem(window, ended(24));
    for (let index = 25; index < 49; index += 1) endItem(window, failed(index));
    expect(window.stop).toBeUndefined();
    endItem(window, failed(49));
    expect(window.stop).toEqual({ reason: 'failures', message: '25 failures in a row; the last: failure 49' });
  });

  it('counts once what an item has cost before it was given back, in this window and in later ones', () => {
    const stop = { reason: 'balance', message: 'empty' } as const;
    const first = openWindow(question({ open: [{ index: 0 }, { index: 1 }], cursor: 2 }));
    giveItemBack(first, 0, stop, 30);
    giveItemBack(first, 1, stop);
    const answer = answerOf(first, 1);
    expect(answer).toMatchObject({ paid: { 0: 30 }, paidMore: 30, givenBack: [0, 1] });
    const { givenBack, paid, cursor } = answer;
    const next = openWindow(question({ givenBack, cursor, spent: 30, ...(paid && { paid }) }));
    beginItem(next, { index: 0 });
    giveItemBack(next, 0, stop, 50);
    beginItem(next, { index: 0 });
    endItem(next, ended(0, 'succeeded', 70));
    beginItem(next, { index: 1 });
    endItem(next, { ...ended(1, 'failed', 40), presumed: true, known: 10 });
    expect(next.spent).toBe(30 + 20 + 20 + 40);
    expect(answerOf(next, 1)).toMatchObject({ paidMore: 20, ended: [{ cost: 20 }, { cost: 40, known: 10 }] });
    expect(answerOf(next, 1).paid).toBeUndefined();
  });

  it('tells apart what is known and what is presumed of what items have cost before they were given back', () => {
    const open = [0, 1, 2].map((index) => ({ index }));
    const first = openWindow(question({ open, cursor: 3 }));
    for (const { index } of open) giveItemBack(first, index, undefined, 30, 20);
    const answer = answerOf(first, 1);
    const counted = { paid: { 0: 30, 1: 30, 2: 30 }, presumedPaid: { 0: 20, 1: 20, 2: 20 } };
    expect(answer).toMatchObject({ ...counted, paidMore: 90, presumedMore: 60 });
    const { givenBack, paid, presumedPaid, cursor } = answer;
    const next = openWindow(question({ givenBack, cursor, spent: 90, ...counted }));
    giveItemBack(next, 0, undefined, 50, 25);
    endItem(next, { ...ended(0, 'failed', 60), presumed: true, known: 35 });
    endItem(next, ended(1, 'succeeded', 40));
    expect(next.spent).toBe(60 + 40 + 30);
    const told = answerOf(next, 1);
    expect(told).toMatchObject({ paid: { 2: 30 }, presumedPaid: { 2: 20 }, paidMore: 20, presumedMore: 5 });
    expect(told.ended).toMatchObject([{ cost: 10, known: 10 }, { cost: 10 }]);
    // A worker of an earlier version told them as one.
    const before = openWindow(question({ givenBack, cursor, spent: 90, ...(paid && { paid }) }));
    giveItemBack(before, 0, undefined, 30, 20);
    endItem(before, { ...ended(1, 'failed', 60), presumed: true, known: 35 });
    expect(before.spent).toBe(90 + 30);
    expect(answerOf(before, 1)).toMatchObject({ ended: [{ cost: 30, known: 5 }] });
    expect(answerOf(before, 1)).not.toHaveProperty('presumedMore');
    expect(presumedPaid).toEqual(counted.presumedPaid);
  });

  it('starts what was given back before anything new', () => {
    const window = openWindow(question({ cursor: 9, givenBack: [4, 2] }));
    const order = [0, 1, 2].map(() => {
      const index = nextToStart(window) ?? -1;
      beginItem(window, { index });
      return index;
    });
    expect(order).toEqual([4, 2, 9]);
  });
});

describe('the pages of a batch', () => {
  const pages = [
    { page: 0, from: 0, count: 250, digest: '' },
    { page: 7, from: 250, count: 10, digest: '' },
    { page: 8, from: 260, count: 250, digest: '' },
  ];

  it('tell where an item lies, and which are needed', () => {
    expect([placeOf(pages, 249), placeOf(pages, 255), placeOf(pages, 510)]).toEqual([
      { page: 0, at: 249 },
      { page: 7, at: 5 },
      undefined,
    ]);
    expect(pagesFor(pages, [3], { first: 270, end: 300 }).map(({ page }) => page)).toEqual([0, 8]);
  });
});

describe('the line of an item', () => {
  const line: BatchLine = { id: 'a', key: 'b/a', status: 'succeeded', requestId: 'r', costUsd: 0.5, priceUsd: 0.6 };
  const told = (more: Partial<BatchLine>) => boundLine({ ...line, ...more });
  const outputs = (bytes: number) => ({ clip: 'x'.repeat(bytes) });

  it('above 16 KiB keeps what it takes to find the rest, and says so', () => {
    const room = batchLimits.lineBytes - jsonBytes({ ...line, outputs: outputs(0) });
    expect(batchLimits.lineBytes).toBe(16_384);
    expect(told({ outputs: outputs(room) })).toEqual({ ...line, outputs: outputs(room) });
    const { priceUsd: _, ...kept } = line;
    expect(told({ outputs: outputs(room + 1) })).toEqual({ ...kept, truncated: true });
    // A character may be several bytes.
    expect(told({ outputs: { clip: 'ü'.repeat(room) } })).toEqual({ ...kept, truncated: true });
    const { costUsd: _cost, ...unpriced } = kept;
    expect(boundLine({ ...unpriced, outputs: outputs(room * 2) })).toEqual({ ...unpriced, truncated: true });
  });

  it('has its message cut where that alone is too long', () => {
    const error = { type: 'GenerationFailed', message: 'x'.repeat(20_000), submission: 'accepted' } as const;
    const message = `${'x'.repeat(2_000)}…`;
    expect(told({ status: 'failed', error })).toEqual({ ...line, status: 'failed', error: { ...error, message } });
  });
});

it('a window takes up what a lost one has started, and puts what it had left out between first in line', () => {
  const doubtful = [2, 5, 6, 7, 8];
  const window = openWindow(question({ mayStart: false, givenBack: [2, 3], cursor: 5, doubtful }));
  expect(answerOf(window, 1)).toMatchObject({ isInDoubt: true, cursor: 5, givenBack: [2, 3] });
  takeUpItems(window, [{ index: 2 }, { index: 5 }, { index: 7, price: 9 }]);
  const answer = answerOf(window, 1);
  expect(answer).toMatchObject({
    open: [{ index: 2 }, { index: 5 }, { index: 7, price: 9 }],
    givenBack: [3, 6],
    cursor: 8,
    isInDoubt: false,
  });
  expect(answerOf(openWindow(question({})), 1)).not.toHaveProperty('isInDoubt');
});
