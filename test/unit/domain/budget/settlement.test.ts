import { describe, expect, it } from 'vitest';
import type { OrderEnd, SettlementOutcome } from '../../../../domain/budget/budget.ts';
import { billOf, finalSettlementOf, settlementOf } from '../../../../domain/budget/settlement.ts';

const rows: [what: string, end: OrderEnd, outcome: SettlementOutcome, final: SettlementOutcome][] = [
  ['succeeded', { submission: 'accepted', phase: 'succeeded' }, 'succeeded', 'succeeded'],
  ['failed at RunComfy', { submission: 'accepted', phase: 'failed' }, 'failed', 'failed'],
  ['never sent', { submission: 'not_sent', phase: 'failed' }, 'not_submitted', 'not_submitted'],
  ['refused', { submission: 'refused', phase: 'failed' }, 'refused', 'refused'],
  ['perhaps sent', { submission: 'unknown', phase: 'submission_unknown' }, 'unknown', 'failed'],
  [
    'cancelled in the queue',
    { submission: 'accepted', phase: 'cancelled', cancel: { outcome: 'cancelled' } },
    'cancelled',
    'cancelled',
  ],
  ['stopped by somebody else', { submission: 'accepted', phase: 'cancelled' }, 'cancelled', 'cancelled'],
  [
    'detached while it runs',
    { submission: 'accepted', phase: 'cancelled', cancel: { outcome: 'not_cancellable' } },
    'unknown',
    'failed',
  ],
  [
    'detached without an answer',
    { submission: 'accepted', phase: 'cancelled', cancel: { outcome: 'unknown' } },
    'unknown',
    'failed',
  ],
  ['given up at its deadline', { submission: 'accepted', phase: 'timed_out' }, 'unknown', 'failed'],
  [
    'stopped at its deadline',
    { submission: 'accepted', phase: 'timed_out', cancel: { outcome: 'cancelled' } },
    'cancelled',
    'cancelled',
  ],
];

describe('what an order comes to', () => {
  it.each(rows)('%s', (_what, end, outcome, final) => {
    expect(settlementOf('key', end).outcome).toBe(outcome);
    expect(finalSettlementOf('key', end).outcome).toBe(final);
  });

  it('holds every bill of the order, and the price where a further one is not told', () => {
    const end: OrderEnd = { submission: 'accepted', phase: 'succeeded', priceUsd: 1 };
    expect(settlementOf('key', end).costUsd).toBeUndefined();
    expect(settlementOf('key', { ...end, costUsd: 0.5, otherRequestIds: ['r'], otherCostUsd: 0.25 }).costUsd).toBe(
      0.75,
    );
    expect(settlementOf('key', { ...end, costUsd: 0.5, otherRequestIds: ['r', 's'] }).costUsd).toBe(2.5);
  });

  it('holds the price of each further submit of which no cost is told, however many others tell theirs', () => {
    const end: OrderEnd = { submission: 'accepted', phase: 'succeeded', priceUsd: 1, costUsd: 0.5 };
    const some = { ...end, otherRequestIds: ['r', 's'], otherCostUsd: 0.25, otherCostsUnknown: 1 };
    expect(settlementOf('key', some).costUsd).toBe(1.75);
    expect(billOf(some)).toEqual({ costUsd: 0.75, presumedUsd: 1, isCostPartial: true });
    const { otherCostsUnknown: _, ...all } = some;
    expect(settlementOf('key', all).costUsd).toBe(0.75);
  });

  it('holds the price of a submit in doubt that nobody can name, and is then never called cancelled', () => {
    const end: OrderEnd = { submission: 'accepted', phase: 'succeeded', priceUsd: 1.26, otherCostsUnknown: 1 };
    expect(settlementOf('key', { ...end, costUsd: 1 })).toEqual({
      key: 'key',
      outcome: 'succeeded',
      costUsd: 2.26,
      presumedUsd: 1.26,
    });
    expect(settlementOf('key', end).costUsd).toBe(2.52);
    expect(billOf({ ...end, costUsd: 1 })).toEqual({ costUsd: 1, presumedUsd: 1.26, isCostPartial: true });
    const stopped = { ...end, phase: 'cancelled', cancel: { outcome: 'cancelled' } };
    expect(settlementOf('key', stopped).outcome).toBe('unknown');
    expect(finalSettlementOf('key', stopped)).toEqual({
      key: 'key',
      outcome: 'failed',
      costUsd: 1.26,
      presumedUsd: 1.26,
    });
    // Without a price all that is reserved is presumed.
    expect(finalSettlementOf('key', { ...stopped, priceUsd: undefined })).toEqual({ key: 'key', outcome: 'failed' });
  });

  it('is all that is reserved where some of it may have been billed and no price is told', () => {
    const end: OrderEnd = { submission: 'accepted', phase: 'timed_out', otherRequestIds: ['r', 's'], otherCostUsd: 1 };
    expect(finalSettlementOf('key', { ...end, otherCostsUnknown: 1 })).toEqual({ key: 'key', outcome: 'failed' });
    expect(finalSettlementOf('key', end).costUsd).toBeUndefined();
    expect(finalSettlementOf('key', { ...end, costUsd: 0.5 }).costUsd).toBe(1.5);
  });

  it('tells apart what nobody has stated, and presumes one price where one order may have been billed', () => {
    const twice: OrderEnd = { submission: 'accepted', phase: 'succeeded', priceUsd: 1.26, otherCostsUnknown: 1 };
    expect(settlementOf('key', twice)).toMatchObject({ costUsd: 2.52, presumedUsd: 2.52 });
    expect(settlementOf('key', { ...twice, costUsd: 1, otherCostUsd: 0.5 })).toMatchObject({
      costUsd: 2.76,
      presumedUsd: 1.26,
    });
    // A second submit sent nothing.
    const doubtful: OrderEnd = { submission: 'unknown', phase: 'failed', priceUsd: 1.26 };
    expect(finalSettlementOf('key', doubtful)).toEqual({ key: 'key', outcome: 'failed', presumedUsd: 1.26 });
    for (const end of [
      { ...doubtful, costUsd: 1 },
      { ...doubtful, priceUsd: undefined },
    ]) {
      expect(settlementOf('key', end)).not.toHaveProperty('presumedUsd');
    }
    for (const submission of ['not_sent', 'refused'] as const) {
      expect(settlementOf('key', { ...doubtful, submission })).not.toHaveProperty('presumedUsd');
    }
    const stopped = { submission: 'accepted', phase: 'cancelled', priceUsd: 1.26 } as const;
    expect(settlementOf('key', stopped)).toEqual({ key: 'key', outcome: 'cancelled' });
  });

  it('presumes nothing of a request that was stopped, only of those before it', () => {
    const again = { priceUsd: 1, otherCostsUnknown: 1, isStopped: true };
    expect(billOf(again)).toEqual({ presumedUsd: 1, isCostPartial: true });
    expect(billOf({ ...again, costUsd: 0.5 })).toEqual({ costUsd: 0.5, presumedUsd: 1, isCostPartial: true });
    expect(billOf({ priceUsd: 1, otherRequestIds: ['r'], otherCostUsd: 0.25, isStopped: true })).toEqual({
      costUsd: 0.25,
    });
  });

  it('is billed as known and as presumed, and open where anything of it is not told', () => {
    const twice = { costUsd: 0.5, priceUsd: 1, otherRequestIds: ['r', 's'] };
    expect(billOf({ costUsd: 0.5, priceUsd: 1 })).toEqual({ costUsd: 0.5 });
    expect(billOf({ ...twice, otherCostUsd: 0.25 })).toEqual({ costUsd: 0.75 });
    expect(billOf(twice)).toEqual({ costUsd: 0.5, presumedUsd: 2, isCostPartial: true });
    expect(billOf({ priceUsd: 1, otherRequestIds: ['r'], otherCostUsd: 0.25 })).toEqual({
      costUsd: 0.25,
      presumedUsd: 1,
      isCostPartial: true,
    });
  });
});
