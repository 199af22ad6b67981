import { type Command, Option } from 'commander';
import type { BudgetState } from '../../../client/index.ts';
import type { CommandContext } from '../../command-context.ts';
import { type CommandAdder, defineCommand } from '../../define-command.ts';
import { type ExitCode, exitCodes } from '../../exit-codes.ts';
import { parseUsd } from '../../options/option-parsers.ts';
import { prettyBudget } from './pretty-budget.ts';
import { addBudgetList, addBudgetReservations, addBudgetShow } from './read.ts';

const limitOption = (summary: string) => new Option('--limit <usd>', summary).argParser(parseUsd).makeOptionMandatory();

const addCreate = defineCommand<{ limit: number; per?: 'day' | 'month' }>({
  signature: 'create <name>',
  summary: 'Create a budget: a limit of money that all orders share which name it, on whichever worker they run.',
  examples: [
    'runcomfy-temporal budget create team-a --limit 50',
    'runcomfy-temporal budget create nightly --limit 5 --per day',
  ],
  set: (command) =>
    command
      .addOption(limitOption('USD, at most 6 decimals'))
      .addOption(new Option('--per <period>', 'begin at 0 every day or month, UTC').choices(['day', 'month'])),
  act: (context, [name = ''], { limit, per }) =>
    withBudget(context, async ({ create }) => {
      const { isNew: _, ...state } = await create({ name, limitUsd: limit, period: per });
      return state;
    }),
});

const addSet = defineCommand<{ limit: number }>({
  signature: 'set <name>',
  summary: 'Set the limit of a budget, also below what is spent; what was over counts as spent from then on.',
  examples: ['runcomfy-temporal budget set team-a --limit 80'],
  set: (command) => command.addOption(limitOption('USD, at most 6 decimals; 0 lets nothing pass')),
  act: (context, [name = ''], { limit }) => withBudget(context, ({ set }) => set(name, { limitUsd: limit })),
});

const addRelease = defineCommand<{ reason: string }>({
  signature: 'release <name> <key>',
  summary: 'Free what is reserved for the order of a key that will never be billed.',
  examples: ["runcomfy-temporal budget release team-a order-4711 --reason 'RunComfy says it was never accepted'"],
  set: (command) => command.requiredOption('--reason <text>', 'why it will never be billed; kept in the history'),
  act: (context, [name = '', key = ''], { reason }) => withBudget(context, ({ release }) => release(name, key, reason)),
});

const addClose = defineCommand({
  signature: 'close <name>',
  summary: 'End a budget: orders that name it are refused from then on. Refused while reservations are open (exit 75).',
  examples: ['runcomfy-temporal budget close team-a'],
  act: (context, [name = '']) => withBudget(context, ({ close }) => close(name)),
});

const commands = [addCreate, addBudgetShow, addSet, addBudgetList, addBudgetReservations, addRelease, addClose];

/** `budget …`: spending limits that orders share. */
export const addBudget: CommandAdder = (program: Command, run) => {
  const group = program
    .command('budget')
    .description('Budgets: limits of money that hold across all workers; see what is spent, reserved and left.');
  for (const add of commands) add(group, run);
};

type Budgets = Parameters<Parameters<CommandContext['withTemporal']>[0]>[0]['generations']['budgets'];

async function withBudget(
  { printer, withTemporal }: CommandContext,
  change: (budgets: Budgets) => Promise<BudgetState>,
): Promise<ExitCode> {
  const state = await withTemporal(({ generations }) => change(generations.budgets));
  printer.print(state, () => prettyBudget(state));
  return exitCodes.done;
}
