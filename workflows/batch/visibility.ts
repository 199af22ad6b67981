import { log, patched, upsertMemo, upsertSearchAttributes } from '@temporalio/workflow';
import {
  type BatchCounts,
  batchLimits,
  type BatchMemo,
  type BatchMoney,
  type BatchPhase,
  type BatchState,
  type BatchTail,
} from '../../domain/batch/batch.ts';
import { toUsd } from '../../domain/budget/money.ts';
import { isJsonObject, withoutUndefined } from '../../domain/json.ts';
import { batchWorkflowType } from '../../domain/names.ts';
import { askForAttributes, believedForMs } from '../known-attributes.ts';
import { labelAttributes } from '../labels.ts';
import { endPhaseOf } from './endings.ts';
import { type Batch, type BatchData, totalOf, waitingOf } from './memory.ts';

const showEveryMs = 20_000;

/** Numbers of items by where they stand. */
export function countsOf({ data }: Batch): BatchCounts {
  return { total: totalOf(data), waiting: waitingOf(data), inFlight: data.open.length, ...data.ended };
}

/** What the batch has cost, and may still cost. */
export function moneyOf({ data: { spent, presumed, open, maxCost, unpriced } }: Batch): BatchMoney {
  const reserved = open.reduce((sum, { price = 0 }) => sum + price, 0);
  return {
    spentUsd: toUsd(spent),
    ...(presumed > 0 && { presumedUsd: toUsd(presumed) }),
    reservedUsd: toUsd(reserved),
    ...(maxCost !== undefined && { maxCostUsd: toUsd(maxCost) }),
    unpriced: unpriced + open.filter(({ price }) => price === undefined).length,
  };
}

export function phaseOf(batch: Batch): BatchPhase {
  const { data, hasEnded } = batch;
  if (hasEnded) return endPhaseOf(batch);
  if (data.cancel) return 'cancelling';
  return data.paused ? 'paused' : 'running';
}

/** The answer of query `state`. */
export function tellState(batch: Batch): BatchState {
  const { data, endedAt, failure } = batch;
  const { requestedAt, reason, detach, outcome } = data.cancel ?? {};
  return {
    phase: phaseOf(batch),
    sealed: data.sealed,
    window: data.window,
    paused: data.paused ?? null,
    counts: countsOf(batch),
    money: moneyOf(batch),
    failures: data.failures,
    startedAt: data.startedAt,
    resultPages: data.linePage,
    input: inputOf(data),
    ...withoutUndefined({ rate: rateOf(batch), endedAt, failure }),
    ...(requestedAt !== undefined && { cancel: { requestedAt, ...withoutUndefined({ reason, detach, outcome }) } }),
  };
}

function inputOf(data: BatchData): BatchState['input'] {
  const numbers = data.pages.map(({ page }) => page);
  const isConsecutive = numbers.every((page, at) => page === at);
  return {
    count: totalOf(data),
    digest: data.pages.at(-1)?.digest ?? '',
    pages: numbers.length,
    ...(!isConsecutive && { numbers }),
  };
}

/** The answer of query `results`; it has no lines of pages that are written already. */
export function tellResults({ data, hasEnded }: Batch, question: unknown): BatchTail {
  const asked = isJsonObject(question) ? question['page'] : undefined;
  const page = typeof asked === 'number' && Number.isInteger(asked) ? asked : data.linePage;
  const from = (page - data.linePage) * batchLimits.pageLines;
  const lines = from < 0 ? [] : data.lines.slice(from, from + batchLimits.pageLines);
  return { lines, page, last: hasEnded && from >= 0 && from + batchLimits.pageLines >= data.lines.length };
}

function rateOf(batch: Batch): BatchState['rate'] {
  const { recent } = batch.data;
  const [first] = recent;
  const last = recent.at(-1);
  if (!first || !last || last.at <= first.at) return undefined;
  const ended = recent.slice(1).reduce((sum, each) => sum + each.ended, 0);
  const perMinute = Math.round((ended / (last.at - first.at)) * 600_000) / 10;
  const left = waitingOf(batch.data) + batch.data.open.length;
  if (perMinute === 0 || left === 0) return { perMinute };
  return { perMinute, etaAt: new Date(last.at + (left / perMinute) * 60_000).toISOString() };
}

/** Writes the short form of the state to the memo, where lists look, from time to time while the batch runs. */
export function show(batch: Batch): void {
  if (Date.now() - batch.shownAt >= showEveryMs) showNow(batch);
}

/**
 * Writes the memo at once if lists would otherwise be wrong for as long as nothing more happens: the phase has changed,
 * or the batch is about to wait with unpublished news.
 */
export function showNews(batch: Batch, isToWait = false): void {
  const isNews = phaseOf(batch) !== batch.shownPhase || (isToWait && batch.isStale);
  if (isNews && patched('what-stands-still-is-shown')) showNow(batch);
}

function showNow(batch: Batch): void {
  const { data } = batch;
  const { requestedAt, detach, outcome } = data.cancel ?? {};
  batch.shownAt = Date.now();
  batch.shownPhase = phaseOf(batch);
  batch.isStale = false;
  const memo: BatchMemo = {
    phase: batch.shownPhase,
    counts: countsOf(batch),
    costUsd: toUsd(data.spent),
    ...(data.presumed > 0 && { presumedUsd: toUsd(data.presumed) }),
    resultPages: data.linePage,
    ...(requestedAt !== undefined && { cancel: { requestedAt, ...withoutUndefined({ detach, outcome }) } }),
  };
  upsertMemo({ [batchWorkflowType]: memo });
}

/** Publishes how the batch ended, once. */
export async function showEnd(batch: Batch): Promise<void> {
  showNow(batch);
  const ofEnd = [
    { key: { name: 'RunComfyPhase', type: 'KEYWORD' as const }, value: phaseOf(batch) },
    { key: { name: 'RunComfyCostUsd', type: 'DOUBLE' as const }, value: toUsd(batch.data.spent) },
    ...labelAttributes(),
  ];
  const knownBy = (names: string[]) => ofEnd.filter(({ key: { name } }) => names.includes(name));
  let attributes = knownBy(batch.searchAttributes);
  const isOld = Date.now() - batch.attributesAskedAt > believedForMs;
  if (attributes.length > 0 && isOld && patched('search-attributes-are-asked-for-anew')) {
    attributes = knownBy((await askForAttributes()) ?? []);
  }
  if (attributes.length > 0) upsertSearchAttributes(attributes);
  log.info('batch ended', { phase: phaseOf(batch), costUsd: toUsd(batch.data.spent) });
}
