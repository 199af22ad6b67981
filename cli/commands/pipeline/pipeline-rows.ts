import type { KnownPipelineState, KnownState, StepState } from '../../../client/index.ts';
import { formatElapsed } from '../../printing/format-elapsed.ts';
import { timeLeft, wallWants } from '../../printing/pretty-state.ts';
import type { ProgressRow } from '../../printing/progress-rows.ts';

interface Clock {
  elapsedMs: number;
  /** Default: now. */
  now?: number;
}

/** A pipeline and its steps, one row each. A row's mark changes whenever more than the elapsed time changes. */
export function pipelineRows(state: KnownPipelineState, { elapsedMs, now = Date.now() }: Clock): ProgressRow[] {
  const width = Math.max(...state.steps.map(({ id }) => id.length), 0);
  const { phase, costUsd, presumedUsd, reservedUsd, maxCostUsd, cancel, isFromServer } = state;
  const of = joined([
    phase.replaceAll('_', ' '),
    costUsd === 0 ? undefined : `$${String(costUsd)} spent`,
    presumedUsd === undefined ? undefined : `$${String(presumedUsd)} presumed`,
    reservedUsd === 0 ? undefined : `$${String(reservedUsd)} reserved`,
    maxCostUsd === undefined ? undefined : `limit $${String(maxCostUsd)}`,
    cancel === undefined ? undefined : `cancel ${cancel.outcome ?? 'asked for'}`,
    isFromServer ? 'no worker answers' : undefined,
  ]);
  return [
    {
      id: '',
      line: `${formatElapsed(elapsedMs)} · ${of}`,
      mark: joined([phase, isFromServer && 'no worker']),
      isIdle: false,
    },
    ...state.steps.map((step): ProgressRow => {
      const words = stepWords(step, state);
      return {
        id: step.id,
        line: `${step.id.padEnd(width)}  ${joined([words, ...timeWords(step, state, now), moneyWords(step)])}`,
        mark: words,
        isIdle: ['waiting', 'succeeded', 'skipped', 'not_started'].includes(step.phase),
      };
    }),
  ];
}

/** The state of a step in words: the live phase of its generation, if one is open. */
export function stepWords(step: StepState, state: KnownPipelineState): string {
  const { phase, items, attempts = [], reused, approval, reason, failure } = step;
  const live = liveOf(step, state);
  return joined([
    (live?.phase ?? phase).replaceAll('_', ' '),
    items && itemWords(items, state),
    attempts.length > 1 ? `attempt ${String(attempts.length)}` : undefined,
    live?.wall && `waits for ${wallWants[live.wall.type]}`,
    reused ? 'reused' : undefined,
    approval?.decision === undefined || approval.by === undefined ? undefined : `by ${approval.by}`,
    reason,
    phase === 'failed' ? failure?.type : undefined,
  ]);
}

/** `2/4`, and the phases of the items that are open or failed. */
function itemWords(items: NonNullable<StepState['items']>, { orders = {} }: KnownPipelineState): string {
  const counts = new Map<string, number>();
  for (const { phase, key = '' } of items) {
    if (phase !== 'ordered' && phase !== 'failed') continue;
    const word = (phase === 'ordered' ? (orders[key]?.phase ?? phase) : phase).replaceAll('_', ' ');
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const ended = items.filter(({ phase }) => phase === 'succeeded').length;
  const open = [...counts].map(([word, count]) => `${String(count)} ${word}`);
  return [`${String(ended)}/${String(items.length)}`, ...open].join(', ');
}

function timeWords(step: StepState, state: KnownPipelineState, now: number): (string | undefined)[] {
  const { phase, approval, waitsFor = [] } = step;
  if (phase === 'waiting') return [waitsFor.length === 0 ? undefined : `for ${waitsFor.join(', ')}`];
  if (phase === 'awaiting_decision' && approval) {
    return [`${formatElapsed(Date.parse(approval.deadlineAt) - now)} left, then ${approval.onDeadline}`];
  }
  const live = liveOf(step, state);
  if (live === undefined) return [];
  const { queuePosition, submittedAt } = live;
  return [
    live.phase === 'in_queue' && queuePosition !== undefined ? `position ${String(queuePosition)}` : undefined,
    submittedAt === undefined ? undefined : formatElapsed(now - Date.parse(submittedAt)),
    timeLeft(live, now),
  ];
}

function moneyWords({ phase, costUsd, priceUsd }: StepState): string | undefined {
  if (costUsd !== undefined) return `$${String(costUsd)}`;
  return phase === 'ordered' && priceUsd !== undefined ? `$${String(priceUsd)} expected` : undefined;
}

function liveOf({ phase, key = '' }: StepState, { orders = {} }: KnownPipelineState): KnownState | undefined {
  return phase === 'ordered' ? orders[key] : undefined;
}

function joined(parts: (string | false | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== false && part !== '').join(' · ');
}
