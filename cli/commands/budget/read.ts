import type { ListedBudget, OpenReservation } from '../../../client/index.ts';
import { defineCommand } from '../../define-command.ts';
import { exitCodes } from '../../exit-codes.ts';
import { formatElapsed } from '../../printing/format-elapsed.ts';
import { table, usd } from '../../printing/pretty.ts';
import { perPeriod, prettyBudget } from './pretty-budget.ts';

/** `budget show NAME`: the state of a budget. */
export const addBudgetShow = defineCommand({
  signature: 'show <name>',
  summary: 'Show what a budget has spent, reserved and left; without a worker, as it was shown last (exit 69).',
  examples: ['runcomfy-temporal budget show team-a', 'runcomfy-temporal budget show team-a --output json'],
  act: ({ printer, withTemporal }, [name = '']) =>
    withTemporal(async ({ generations }) => {
      const state = await generations.budgets.state(name);
      printer.print(state, () => prettyBudget(state));
      if (!state.isFromServer) return exitCodes.done;
      printer.note('no worker answers: this is what the budget showed last; start one with `runcomfy-temporal worker`');
      return exitCodes.unavailable;
    }),
});

/** `budget list`: the open budgets. */
export const addBudgetList = defineCommand({
  signature: 'list',
  summary: 'List the budgets that are open.',
  examples: ['runcomfy-temporal budget list'],
  act: ({ printer, withTemporal }) =>
    withTemporal(async ({ generations }) => {
      const budgets: ListedBudget[] = [];
      for await (const budget of generations.budgets.list()) budgets.push(budget);
      const headings = ['NAME', 'LIMIT', 'SPENT', 'RESERVED', 'AVAILABLE', 'OPEN'];
      printer.print({ budgets }, () => (budgets.length === 0 ? 'no budgets' : table(headings, budgets.map(rowOf))));
      return exitCodes.done;
    }),
});

/** `budget reservations NAME`: what a budget has set aside, for which orders, and since when. */
export const addBudgetReservations = defineCommand({
  signature: 'reservations <name>',
  summary: 'List the orders whose price a budget has set aside.',
  examples: ['runcomfy-temporal budget reservations team-a'],
  act: ({ printer, withTemporal }, [name = '']) =>
    withTemporal(async ({ generations }) => {
      const reservations: OpenReservation[] = [];
      for await (const reservation of generations.budgets.reservations(name)) reservations.push(reservation);
      printer.print({ reservations }, () =>
        reservations.length === 0
          ? 'nothing is reserved'
          : table(
              ['KEY', 'PRICE', 'AGE'],
              reservations.map(({ key, priceUsd, ageMs }) => [key, usd(priceUsd), formatElapsed(ageMs)]),
            ),
      );
      return exitCodes.done;
    }),
});

function rowOf(budget: ListedBudget): string[] {
  if ('isUndecodable' in budget) return [budget.name, '', '', '', '', ''];
  const { name, limitUsd, period, spentUsd, reservedUsd, availableUsd, open } = budget;
  const limit = `${usd(limitUsd)}${perPeriod(period)}`;
  return [name, limit, usd(spentUsd), usd(reservedUsd), usd(availableUsd), String(open)];
}
