import { describe, expect, it } from 'vitest';
import type { BudgetDesk } from '../../activities/budget/budget-desk.ts';
import { createSettleReservations } from '../../activities/budget/settle-reservations.ts';
import type { Settlement } from '../../domain/budget/budget.ts';
import type { FaultRule } from '../../simulator/index.ts';
import { activitiesOnSimulator, detailsOf, paidOrder } from '../support/activity-rig.ts';

const order = { ...paidOrder, budgets: ['wide', 'narrow'] };
const grants = [
  { budget: 'wide', grant: 7 },
  { budget: 'narrow', grant: 3, again: true },
];

/** Budgets that have so much left; `narrow` knows the key already. */
async function budgetsWith(availableUsd: number, faults: FaultRule[] = [], expectedUsd = 1.26) {
  const asked: number[] = [];
  const settled: [budget: string, Settlement][] = [];
  const budgets: BudgetDesk = {
    reserve: (budget, { key, priceUsd }) => {
      asked.push(priceUsd);
      const verdict = { key, availableUsd, limitUsd: 10, granted: budget === 'wide' || priceUsd <= availableUsd };
      if (!verdict.granted) return Promise.resolve(verdict);
      return Promise.resolve({ ...verdict, ...(budget === 'wide' ? { grant: 7 } : { grant: 3, again: true }) });
    },
    settle: (budget, settlement) => {
      settled.push([budget, settlement]);
      return Promise.resolve();
    },
  };
  const deps = { budgets, expectedPriceUsd: () => Promise.resolve(expectedUsd) };
  const rig = await activitiesOnSimulator({ deps, simulator: { faults } });
  return {
    ...rig,
    asked,
    settled,
    submit: (more = {}) => rig.attempt(rig.activities.submitRequest, { ...order, ...more }),
  };
}

describe('what budgets have granted to an order', () => {
  it('is told with its request id, and to the server before anything is sent', async () => {
    const { submit, acknowledged } = await budgetsWith(10);
    expect((await submit()).value).toMatchObject({ grants });
    expect(acknowledged.at(-1)).toMatchObject({ stage: 'sending', grants });
  });

  it('needs no budget for the price to be told before anything is sent', async () => {
    const { activities, attempt, acknowledged } = await budgetsWith(10);
    await attempt(activities.submitRequest, paidOrder);
    expect(acknowledged.at(-1)).toMatchObject({ stage: 'sending', priceUsd: 1.26 });
  });

  it.each([
    ['token-revoked', 'Unauthenticated'],
    ['http-status', 'ServiceUnavailable'],
  ])('is told with the failure of a submit: %s', async (fault) => {
    const { submit } = await budgetsWith(10, [{ fault, step: 'submit', httpStatus: 503 }]);
    expect(detailsOf(await submit())).toMatchObject({ grants });
  });

  it('is told where another has no room, which gives back what is new alone', async () => {
    const { submit, settled, sim } = await budgetsWith(1);
    const attempt = await submit();
    expect(attempt.failure?.type).toBe('BudgetExceeded');
    expect(detailsOf(attempt)).toMatchObject({ submission: 'not_sent', grants: [{ budget: 'wide', grant: 7 }] });
    expect(settled).toMatchObject([['wide', { outcome: 'not_submitted', grant: 7 }]]);
    expect(sim.ledger().jobs).toEqual([]);
  });

  it('is the price of each submit that may be billed, the earlier ones of the order included', async () => {
    const { submit, asked } = await budgetsWith(10);
    expect((await submit({ sentBefore: 2 })).value).toMatchObject({ priceUsd: 1.26 });
    expect(asked).toEqual([3.78, 3.78]);
    const poor = await budgetsWith(2);
    const refused = await poor.submit({ sentBefore: 1 });
    const sentence = 'the price of 2.52 USD, with what earlier submits of it may cost, is above';
    expect(refused.failure?.message).toContain(sentence);
    // Each bill that there may be is presumed at what one submit costs.
    expect(detailsOf(refused)).toMatchObject({ priceUsd: 1.26, availableUsd: 2 });
    expect(poor.sim.ledger().jobs).toEqual([]);
  });

  it('is never nothing: where nothing is left no order passes', async () => {
    const { submit, asked, sim } = await budgetsWith(0, [], 0);
    expect((await submit()).failure?.type).toBe('BudgetExceeded');
    expect(asked).toEqual([0.000_001, 0.000_001]);
    expect(sim.ledger().jobs).toEqual([]);
  });

  it('is told by the attempt that takes over what an earlier one had accepted, with the price', async () => {
    const { attempt, activities } = await budgetsWith(10);
    const heartbeatDetails = { stage: 'accepted', requestId: 'r-1', at: '2026-11-27T12:00:00.000Z', grants };
    const expected = { ...heartbeatDetails, priceUsd: 1.26 };
    const { value } = await attempt(activities.submitRequest, order, { attempt: 2, heartbeatDetails: expected });
    expect(value).toMatchObject({ requestId: 'r-1', grants, priceUsd: 1.26 });
  });
});

describe('what an order came to', () => {
  it('is told each budget by its own grant', async () => {
    const settled: [string, Settlement][] = [];
    const settle = createSettleReservations({
      settle: (budget, settlement) => Promise.resolve(void settled.push([budget, settlement])),
    });
    const settlement: Settlement = { key: 'k', outcome: 'refused' };
    await settle({ budgets: ['wide', 'narrow'], settlement, grants: [{ budget: 'narrow', grant: 3 }] });
    expect(settled).toEqual([
      ['wide', settlement],
      ['narrow', { ...settlement, grant: 3 }],
    ]);
  });
});
