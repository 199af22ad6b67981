import { expect, it } from 'vitest';
import { prettyBudget } from '../../../cli/commands/budget/pretty-budget.ts';

it('says until when a budget grants nothing whose orders have cost more than their prices', () => {
  const sums = {
    limitUsd: 5,
    spentUsd: 1,
    reservedUsd: 0,
    availableUsd: 0,
    overUsd: 0.5,
    presumedUsd: 0,
    open: 0,
    refused: 0,
  };
  const shown = (period: 'total' | 'day' | 'month') =>
    prettyBudget({ name: 'team', period, periodStart: '2026-11-28T00:00:00.000Z', ...sums });
  const words = '$0.5: costs above their prices; nothing is granted until the limit is set';
  expect(shown('total')).toContain(`${words}\n`);
  expect(shown('day')).toContain(`${words}, or the next day\n`);
  expect(shown('month')).toContain(`${words}, or the next month\n`);
});
