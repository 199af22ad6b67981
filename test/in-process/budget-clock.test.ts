import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Settlement } from '../../domain/budget/budget.ts';
import { budgetInProcess } from '../support/budget-in-process.ts';
import { type Command, openSandbox, type Sandbox } from '../support/workflow-sandbox.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const evening = Date.parse('2026-11-30T23:00:00.000Z');

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await openSandbox({ codePath: inject('workflowBundlePath') });
});
afterAll(() => sandbox.close());

type Rest<All extends unknown[]> = All extends [unknown, ...infer Others] ? Others : never;

/** A budget on a clock of its own. */
const openBudgetAt = (...args: Rest<Parameters<typeof budgetInProcess>>) => budgetInProcess(sandbox, ...args);

const orders = (count: number, name = 'order') =>
  Array.from({ length: count }, (_, nth) => ({ key: `${name}-${String(nth + 1)}`, priceUsd: 1 }));

/** What is asked for, in this order. */
const namesOf = (commands: Command[]) =>
  commands.flatMap(({ updateResponse, ...others }) => [
    ...['accepted', 'rejected', 'completed'].filter((name) => Object.hasOwn(updateResponse ?? {}, name)),
    ...Object.keys(others).filter((name) => !['userMetadata', 'eventGroupMarkers'].includes(name)),
  ]);

describe('a budget on its own clock', () => {
  it.each(['day', 'month'] as const)(
    'begins a %s at 0 at midnight UTC, and five open reservations belong to the one before',
    async (period) => {
      const budget = await openBudgetAt(evening, { limitUsd: 5, period });
      expect((await budget.reserve(orders(6))).map(({ granted }) => granted)).toEqual([...Array(5).fill(true), false]);
      // A minute before midnight nothing has changed.
      await budget.pass(hourMs - minuteMs);
      expect(await budget.state()).toMatchObject({ reservedUsd: 5, availableUsd: 0, open: 5 });
      await budget.pass(minuteMs);
      const periodStart = '2026-12-01T00:00:00.000Z';
      expect(await budget.state()).toMatchObject({ periodStart, reservedUsd: 0, availableUsd: 5, open: 5 });
      await budget.settle([{ key: 'order-1', outcome: 'succeeded', costUsd: 9 }]);
      expect(await budget.state()).toMatchObject({ spentUsd: 0, overUsd: 0, availableUsd: 5, open: 4 });
      const today = await budget.reserve(orders(6, 'today'));
      expect(today.filter(({ granted }) => granted)).toHaveLength(5);
      expect(await budget.state()).toMatchObject({ reservedUsd: 5, open: 9 });
    },
  );

  it('of a month begins none at midnight within the month', async () => {
    const budget = await openBudgetAt(evening - 24 * hourMs, { limitUsd: 5, period: 'month' });
    await budget.reserve(orders(5));
    await budget.pass(2 * hourMs);
    expect(await budget.state()).toMatchObject({ reservedUsd: 5, periodStart: '2026-11-01T00:00:00.000Z' });
  });

  it('looks up after ten minutes what has not told its end, and keeps nothing reserved for ever', async () => {
    const ended = new Map<string, Settlement['outcome']>();
    const budget = await openBudgetAt(evening, { limitUsd: 5 }, ({ reservations }) =>
      reservations.flatMap(({ key, grant }) => {
        const outcome = ended.get(key);
        return outcome === undefined ? [] : [{ key, grant, outcome }];
      }),
    );
    await budget.reserve(orders(3));
    await budget.pass(9 * minuteMs);
    expect(budget.asked).toEqual([]);
    // Terminated after the POST, and before it; the third is under way.
    ended.set('order-1', 'failed').set('order-2', 'not_submitted');
    await budget.pass(2 * minuteMs);
    const reservedAt = [evening, evening, evening];
    expect(budget.asked).toMatchObject([{ keys: ['order-1', 'order-2', 'order-3'], reservedAt }]);
    expect(await budget.state()).toMatchObject({ spentUsd: 1, presumedUsd: 1, reservedUsd: 1, open: 1 });
    await budget.pass(5 * minuteMs);
    expect(budget.asked.at(-1)?.keys).toEqual(['order-3']);
    ended.set('order-3', 'succeeded');
    await budget.pass(5 * minuteMs);
    expect(await budget.state()).toMatchObject({ spentUsd: 2, reservedUsd: 0, open: 0 });
    const { length } = budget.asked;
    await budget.pass(24 * hourMs);
    expect(budget.asked).toHaveLength(length);
    // What is told late changes nothing any more.
    await budget.settle([{ key: 'order-1', outcome: 'succeeded', costUsd: 4 }]);
    expect(await budget.state()).toMatchObject({ spentUsd: 2, overUsd: 0 });
  });

  it('takes what is presumed as that, whether an order tells it or it is looked up', async () => {
    const budget = await openBudgetAt(evening, { limitUsd: 10 }, ({ reservations }) =>
      reservations.map(({ key, grant }) => ({ key, grant, outcome: 'failed', presumedUsd: 1.26 })),
    );
    await budget.reserve([
      { key: 'told', priceUsd: 1.26 },
      { key: 'in doubt', priceUsd: 2.52 },
    ]);
    await budget.settle([{ key: 'told', outcome: 'succeeded', costUsd: 2.52, presumedUsd: 2.52 }]);
    expect(await budget.state()).toMatchObject({ spentUsd: 1.26, presumedUsd: 1.26, overUsd: 0 });
    await budget.pass(15 * minuteMs);
    expect(await budget.state()).toMatchObject({ spentUsd: 2.52, presumedUsd: 2.52, reservedUsd: 0 });
  });

  it('ends at once where it is closed during a look-up, also one that nobody answers', async () => {
    const budget = await openBudgetAt(evening, { limitUsd: 5 }, () => 'hangs');
    await budget.reserve(orders(1));
    await budget.pass(11 * minuteMs);
    expect(budget.asked).toHaveLength(1);
    await budget.settle([{ key: 'order-1', outcome: 'succeeded', costUsd: 1 }]);
    const commands = await budget.close();
    expect(commands.some(({ updateResponse }) => updateResponse?.completed)).toBe(true);
    expect(commands.some(({ completeWorkflowExecution }) => completeWorkflowExecution)).toBe(true);
  });

  it('has what follows a part of a look-up asked for before what an order is answered in the same task', async () => {
    const budget = await openBudgetAt(evening, { limitUsd: 1_000 }, () => 'hangs');
    await budget.reserve(orders(51));
    await budget.pass(11 * minuteMs);
    const commands = await budget.reserveAsAnswered(orders(1, 'late'), []);
    expect(namesOf(commands)).toEqual(['accepted', 'modifyWorkflowProperties', 'scheduleActivity', 'completed']);
  });

  it('shows what a look-up settled before an order that is refused in the same task is answered', async () => {
    const budget = await openBudgetAt(evening, { limitUsd: 1 }, () => 'hangs');
    await budget.reserve(orders(1));
    await budget.pass(11 * minuteMs);
    const [order] = orders(1);
    const settlement = { key: order?.key ?? '', outcome: 'failed' as const };
    const commands = await budget.reserveAsAnswered([{ key: 'late', priceUsd: 2 }], [settlement]);
    const shown = ['setPatchMarker', 'modifyWorkflowProperties'];
    expect(namesOf(commands)).toEqual(['accepted', 'modifyWorkflowProperties', ...shown, 'completed']);
  });

  it('goes on where a look-up fails, asks again five minutes later, and fifty at a time', async () => {
    let isLost = true;
    const budget = await openBudgetAt(evening, { limitUsd: 1_000 }, ({ reservations }) =>
      isLost ? 'lost' : reservations.map(({ key, grant }) => ({ key, grant, outcome: 'failed' })),
    );
    await budget.reserve(orders(100));
    await budget.reserve(orders(20, 'more'));
    await budget.pass(10 * minuteMs);
    expect(budget.asked.map(({ keys }) => keys.length)).toEqual([50, 50, 20]);
    expect(await budget.state()).toMatchObject({ reservedUsd: 120, spentUsd: 0 });
    isLost = false;
    await budget.pass(5 * minuteMs);
    expect(new Set(budget.asked.map(({ at }) => at)).size).toBe(2);
    expect(await budget.state()).toMatchObject({ reservedUsd: 0, spentUsd: 120, presumedUsd: 120, open: 0 });
  });

  it('settles more at once than may be reserved at once', async () => {
    const budget = await openBudgetAt(evening, { limitUsd: 1_000 });
    const reserved = [...orders(100), ...orders(20, 'more')];
    await budget.reserve(reserved.slice(0, 100));
    await budget.reserve(reserved.slice(100));
    await budget.settle(reserved.map(({ key }) => ({ key, outcome: 'succeeded', costUsd: 1 })));
    expect(await budget.state()).toMatchObject({ reservedUsd: 0, spentUsd: 120, open: 0 });
  });

  it.each([
    [9_999, 0],
    [10_000, 1],
  ])('of %i settlements that have all five fields in one message leaves %i order unsettled', async (count, open) => {
    const budget = await openBudgetAt(evening, { limitUsd: 5 });
    const [reserved] = await budget.reserve(orders(1));
    const settled = { outcome: 'succeeded', costUsd: 1, presumedUsd: 1, grant: reserved?.grant ?? 0 } as const;
    const others = Array.from({ length: count - 1 }, () => ({ key: 'of-another', ...settled }));
    await budget.settle([...others, { key: 'order-1', ...settled }]);
    expect(await budget.state()).toMatchObject({ open });
  });

  it('continues as new with all that is reserved, spent and refused; the grants keep their numbers', async () => {
    const budget = await openBudgetAt(evening, { limitUsd: 5 });
    const [first] = await budget.reserve(orders(6));
    await budget.settle([{ key: 'order-2', outcome: 'succeeded', costUsd: 0.4 }]);
    const before = await budget.state();
    // The verdicts that are asked for in the run's last task are given before it ends.
    const last = await budget.reserve([{ key: 'last', priceUsd: 0.6 }], true);
    expect(last).toMatchObject([{ granted: true, availableUsd: 0 }]);
    expect(budget.continued()).toBe(1);
    expect(await budget.state()).toEqual({ ...before, reservedUsd: 4.6, availableUsd: 0, open: 5 });
    // A call that comes late to the next run frees nothing that was granted since.
    const [again] = await budget.reserve(orders(1));
    expect(again).toMatchObject({ granted: true, again: true });
    expect(again?.grant).toBeGreaterThan(last[0]?.grant ?? Infinity);
    await budget.settle([{ key: 'order-1', outcome: 'not_submitted', grant: first?.grant ?? 0 }]);
    expect(await budget.state()).toMatchObject({ reservedUsd: 4.6, open: 5 });
    await budget.pass(11 * minuteMs);
    expect(budget.asked).toMatchObject([{ keys: ['order-3', 'order-4', 'order-5', 'last', 'order-1'] }]);
  });

  it('continues as new in the middle of a long look-up, and looks up the rest in the next run', async () => {
    const budget = await openBudgetAt(evening, { limitUsd: 1_000 }, ({ reservations }) => {
      if (budget.continued() === 0) budget.grow();
      return reservations.map(({ key, grant }) => ({ key, grant, outcome: 'failed' }));
    });
    await budget.reserve(orders(100));
    await budget.reserve(orders(20, 'more'));
    await budget.pass(10 * minuteMs);
    expect(budget.asked.map(({ keys }) => keys.length)).toEqual([50]);
    expect(budget.continued()).toBe(1);
    expect(await budget.state()).toMatchObject({ reservedUsd: 70, spentUsd: 50, open: 70 });
    await budget.pass(5 * minuteMs);
    expect(budget.asked.map(({ keys }) => keys.length)).toEqual([50, 50, 20]);
    expect(await budget.state()).toMatchObject({ reservedUsd: 0, spentUsd: 120, open: 0 });
  });

  it('continues as new before a server refuses further updates of the run', async () => {
    const budget = await openBudgetAt(evening, { limitUsd: 2 });
    for (let nth = 0; nth < 15; nth += 1) await budget.reserveAtOnce(orders(1), 100);
    expect(budget.continued()).toBe(1);
    expect(await budget.reserve(orders(3))).toMatchObject([{ granted: true }, { granted: true }, { granted: false }]);
    expect(await budget.state()).toMatchObject({ reservedUsd: 2, open: 2, refused: 1 });
  });

  it.each([
    ['with its first argument', 0],
    ['with what an earlier run had handed on', 1],
  ])('grants nothing where Temporal retries it %s, until a person sets the limit', async (_, continued) => {
    const budget = await openBudgetAt(evening, { limitUsd: 5 });
    await budget.reserve(orders(2), continued > 0);
    expect(budget.continued()).toBe(continued);
    await budget.settle(orders(2).map(({ key }) => ({ key, outcome: 'succeeded', costUsd: 1 })));
    await budget.set(2.5);
    await budget.retry();
    const warning = expect.stringContaining('a workflow retry policy (attempt 2)') as string;
    expect(await budget.reserve(orders(1))).toMatchObject([{ granted: false, availableUsd: 0 }]);
    expect(await budget.state()).toMatchObject({ limitUsd: 0, spentUsd: 0, availableUsd: 0, warning });
    // What it is handed from then on is what holds.
    await budget.reserve(orders(1), true);
    expect(await budget.state()).toMatchObject({ limitUsd: 0, warning });
    await budget.set(0.5);
    expect(await budget.state()).not.toHaveProperty('warning');
    expect(await budget.reserve([{ key: 'small', priceUsd: 0.5 }], true)).toMatchObject([{ granted: true }]);
    expect(await budget.state()).toMatchObject({ limitUsd: 0.5, reservedUsd: 0.5 });
  });

  it.each([
    ['as Canceled', false, 'cancelWorkflowExecution'],
    ['also where that is in a new run, of which Temporal knows no cancellation', true, 'completeWorkflowExecution'],
  ])(
    'whose workflow is cancelled ends once nothing is reserved, %s, and grants nothing more',
    async (_, isLong, how) => {
      const budget = await openBudgetAt(evening, { limitUsd: 5 });
      await budget.reserve(orders(2));
      // Where no worker is left, the memo tells it.
      const commands = namesOf(await budget.cancel());
      expect(commands).toContain('modifyWorkflowProperties');
      expect(commands).not.toContain('cancelWorkflowExecution');
      const warning = expect.stringContaining('cancelled') as string;
      expect(await budget.state()).toMatchObject({ limitUsd: 5, reservedUsd: 2, availableUsd: 0, open: 2, warning });
      // What an order holds it is granted again.
      expect(await budget.reserve([...orders(1), ...orders(1, 'late')], isLong)).toMatchObject([
        { granted: true, again: true },
        { granted: false, availableUsd: 0 },
      ]);
      expect(budget.continued()).toBe(isLong ? 1 : 0);
      await budget.set(9);
      expect(await budget.reserve(orders(1, 'late'))).toMatchObject([{ granted: false, availableUsd: 0 }]);
      const settled = (key: string) => budget.settle([{ key, outcome: 'succeeded', costUsd: 1 }]);
      expect(namesOf(await settled('order-1'))).not.toContain(how);
      expect(namesOf(await settled('order-2'))).toContain(how);
      expect(await budget.state()).toMatchObject({ spentUsd: 2, open: 0 });
    },
  );

  it('whose workflow is cancelled ends at once where nothing is reserved', async () => {
    const budget = await openBudgetAt(evening, { limitUsd: 5, period: 'day' });
    expect(namesOf(await budget.cancel())).toContain('cancelWorkflowExecution');
  });
});
