import { isGenerationError } from '../../client/index.ts';
import { findSpentBudgets } from '../../client/operator/index.ts';
import type { ConnectedGenerations } from '../command-context.ts';
import { ownCommand } from '../own-command.ts';
import type { Finding } from './health-checks.ts';

/** Most schedules to look at, since each costs a call. */
const maxLookedAt = 20;

/** Reports budgets that grant nothing more; no finding if there are no budgets. */
export async function checkBudgets({ client }: Pick<ConnectedGenerations, 'client'>): Promise<Finding[]> {
  const { lookedAt, spent } = await findSpentBudgets(client);
  if (lookedAt === 0) return [];
  const check = 'budgets';
  const [first] = spent;
  if (!first) return [{ check, status: 'ok', message: `all ${String(lookedAt)} have room` }];
  const { name, limitUsd, spentUsd, reservedUsd, period } = first;
  const per = period === 'total' ? '' : ` a ${period}`;
  const message = `${String(spent.length)} of ${String(lookedAt)} grant nothing more, such as "${name}": of $${String(limitUsd)}${per}, $${String(spentUsd)} are spent and $${String(reservedUsd)} reserved`;
  return [{ check, status: 'warning', message, fix: `\`${ownCommand('budget set', name)} --limit USD\` raises it` }];
}

/** Reports paused schedules and missed firings; no finding if there are no schedules. */
export async function checkSchedules({
  generations: { schedules },
}: Pick<ConnectedGenerations, 'generations'>): Promise<Finding[]> {
  const listed = await firstOf(schedules.list());
  if (listed.length === 0) return [];
  const check = 'schedules';
  // If a schedule cannot be read or decoded, what the list says about it is still known.
  const found = await Promise.all(
    listed.map((row) =>
      schedules.get(row.name).catch((error: unknown) => {
        const isGone = isGenerationError(error) && error.type === 'KeyNotFound';
        return isGone ? undefined : { ...row, missed: 0 };
      }),
    ),
  );
  const states = found.filter((state) => state !== undefined);
  if (states.length === 0) return [];
  const paused = states.filter((state) => state.paused);
  const missed = states.filter((state) => state.missed > 0);
  const message = [
    `${String(states.length - paused.length)} fire`,
    ...paused.map(({ name, note }) => `${name} is paused${note ? `: ${note}` : ''}`),
    ...missed.map(({ name, missed: count }) => `${name} has missed ${String(count)} firings so far`),
  ].join('; ');
  if (paused.length === 0) return [{ check, status: 'ok', message }];
  const fix = paused.map(({ name }) => `\`${ownCommand('schedule resume', name)}\``).join(', ');
  return [{ check, status: 'warning', message, fix: `where that is not meant: ${fix}` }];
}

async function firstOf<T>(all: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of all) {
    if (found.push(one) >= maxLookedAt) break;
  }
  return found;
}
