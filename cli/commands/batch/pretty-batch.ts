import type { BatchCounts, KnownBatchState } from '../../../client/index.ts';
import { toMicro, toUsd } from '../../../domain/budget/money.ts';
import { formatElapsed } from '../../printing/format-elapsed.ts';
import { fields, table } from '../../printing/pretty.ts';

const barWidth = 20;

/** A batch on one line: progress, failures, items in flight, rate, time left and cost. */
export function batchLine({ phase, counts, money, rate, paused }: KnownBatchState, sinceMs: number): string {
  const { total, inFlight, failed, unknown, timedOut } = counts;
  const done = endedOf(counts);
  const filled = total === 0 ? 0 : Math.floor((done / total) * barWidth);
  const troubles = failed + unknown + timedOut;
  const left = rate?.etaAt === undefined ? undefined : Date.parse(rate.etaAt) - Date.now();
  const parts = [
    `${phase}${paused ? ` (${paused.reason})` : ''}`,
    `[${'='.repeat(filled)}${' '.repeat(barWidth - filled)}] ${String(done)}/${String(total)}`,
    troubles === 0 ? undefined : `${String(troubles)} failed`,
    `${String(inFlight)} in flight`,
    rate && rate.perMinute > 0 ? `${String(rate.perMinute)}/min` : undefined,
    left === undefined || left <= 0 ? undefined : `${formatElapsed(left)} left`,
    costWords(money),
    formatElapsed(sinceMs),
  ];
  return parts.filter((part) => part !== undefined).join(' · ');
}

/** What counts against the limit, and the presumed part of it. */
function costWords({ spentUsd, presumedUsd = 0, maxCostUsd }: KnownBatchState['money']): string {
  const counted = `$${String(toUsd(toMicro(spentUsd) + toMicro(presumedUsd)))}`;
  const limit = maxCostUsd === undefined ? '' : ` of $${String(maxCostUsd)}`;
  return `${counted}${limit}${presumedUsd > 0 ? ` ($${String(presumedUsd)} of it presumed)` : ''}`;
}

/** Changes when a new line is worth printing, where lines are not replaced. */
export function batchMark({ phase, counts }: KnownBatchState): string {
  const tenth = counts.total === 0 ? 0 : Math.floor((endedOf(counts) / counts.total) * 10);
  return `${phase} ${String(tenth)}`;
}

/** The state of a batch, for people. */
export function prettyBatch(state: KnownBatchState, key: string): string {
  const { phase, counts, money, failures, paused, rate, window, sealed, resultPages, startedAt, endedAt } = state;
  const head = fields([
    ['phase', phase],
    ['paused', paused ? [paused.reason, paused.message].filter(Boolean).join(': ') : undefined],
    ['items', `${String(counts.total)}${sealed ? '' : ' (open for more)'}`],
    ...Object.entries(counts).flatMap(([name, count]): [string, number][] =>
      name === 'total' || count === 0
        ? []
        : [[name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`), count]],
    ),
    ['window', window],
    ['cost', costWords(money)],
    ['in flight', money.reservedUsd > 0 ? `$${String(money.reservedUsd)} expected` : undefined],
    ['unpriced', money.unpriced > 0 ? money.unpriced : undefined],
    [
      'rate',
      rate && `${String(rate.perMinute)} a minute${rate.etaAt === undefined ? '' : `, done about ${rate.etaAt}`}`,
    ],
    ['result pages', resultPages],
    ['started', startedAt],
    ['begins', state.beginsAt],
    ['ended', endedAt],
    ['key', key],
  ]);
  if (failures.length === 0) return head;
  const rows = failures.map(({ type, count, lastIds, lastMessage }) => [
    type,
    String(count),
    lastIds.join(' '),
    lastMessage,
  ]);
  return `${head}\n\n${table(['FAILURE', 'COUNT', 'LAST IDS', 'LAST MESSAGE'], rows)}`;
}

/** Number of items that have ended in any way. */
export function endedOf({ total, waiting, inFlight }: BatchCounts): number {
  return total - waiting - inFlight;
}
