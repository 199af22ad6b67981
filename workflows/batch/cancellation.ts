import { condition, log, patched } from '@temporalio/workflow';
import type { CancelItemsAnswer, OpenItem } from '../../domain/batch/batch-activities.ts';
import { pagesFor } from '../../domain/batch/batch-page.ts';
import {
  type BatchCancelMessage,
  type BatchCancelReply,
  batchLimits,
  type BatchLine,
  nothingCancelled,
} from '../../domain/batch/batch.ts';
import type { CancelOutcome } from '../../domain/generation.ts';
import { jsonBytes, withoutUndefined } from '../../domain/json.ts';
import { messageOf } from '../../domain/text.ts';
import { batchPages, itemCancels } from '../activity-options.ts';
import { pauseIfGivenUp } from '../given-up.ts';
import { type Batch, type BatchData, partsInDoubt, totalOf, waitingOf } from './memory.ts';
import { phaseOf, showNews } from './visibility.ts';

const maxLinesBytes = 1_500_000;

const nameOf: Record<CancelOutcome, keyof BatchCancelReply['outcome']> = {
  cancelled: 'cancelled',
  not_cancellable: 'notCancellable',
  too_late: 'tooLate',
  unknown: 'unknown',
  not_submitted: 'notSubmitted',
};

/** Stops starting anything, and waits until it is known what became of everything in flight. */
export async function cancelBatch(batch: Batch, { reason, detach }: BatchCancelMessage): Promise<BatchCancelReply> {
  const { data } = batch;
  if (batch.hasEnded) return { outcome: data.cancel?.outcome ?? nothingCancelled, phase: phaseOf(batch) };
  const cancel = (data.cancel ??= { requestedAt: new Date().toISOString() });
  if (reason !== undefined) cancel.reason ??= reason;
  if (detach) cancel.detach = true;
  data.sealed = true;
  delete data.paused;
  delete data.mayLackItems;
  showNews(batch);
  batch.interrupt?.();
  await condition(() => cancel.outcome !== undefined);
  return { outcome: cancel.outcome ?? nothingCancelled, phase: phaseOf(batch) };
}

/** Asks everything in flight to cancel, and gives every item that was never started its line. */
export async function carryOutCancel(batch: Batch): Promise<void> {
  const { data } = batch;
  const { cancel } = data;
  if (!cancel) return;
  const [{ open, started }, closed] = await Promise.all([askAll(batch), closeUntouched(batch)]);
  const neverStarted = waitingOf(data) - started.length;
  await closeWaiting(batch, started);
  // Changed together, so that the counts add up at every moment.
  data.open = open;
  data.ended.notStarted += neverStarted;
  data.cursor = totalOf(data);
  delete data.closedFrom;
  data.givenBack = [];
  const outcome = { ...nothingCancelled, neverStarted: closed + neverStarted };
  for (const item of open) outcome[nameOf[item.cancel]] += 1;
  cancel.outcome = outcome;
}

/**
 * Asks everything in flight to cancel. Returns it with the outcomes, and the items of it that a lost window had
 * started.
 */
async function askAll(batch: Batch) {
  const { data } = batch;
  const open: Required<Pick<OpenItem, 'index' | 'cancel'>>[] = [];
  const started: number[] = [];
  for (const [at, doubtful] of partsInDoubt(data).entries()) {
    const known = at === 0 ? data.open : [];
    const asked = await askToCancel(batch, known, doubtful);
    const attached = new Set(asked.attached);
    const found = asked.started.map((index) => ({ index, ...(attached.has(index) && { attached: true as const }) }));
    const inFlight: OpenItem[] = [...known, ...found];
    open.push(...inFlight.map((item, place) => ({ ...item, cancel: asked.outcomes[place] ?? 'unknown' })));
    started.push(...asked.started);
  }
  return { open, started };
}

/**
 * Writes the lines of items that no window has reached, while RunComfy is asked about those in flight, which may take
 * minutes. Returns the number of these items.
 */
async function closeUntouched(batch: Batch): Promise<number> {
  const { data } = batch;
  const from = Math.max(data.cursor, data.reach);
  const count = totalOf(data) - from;
  if (count <= 0 || !patched('what-no-window-came-to-is-closed-at-once')) return 0;
  if (areLinesInTheWay(batch)) await writeLines(batch);
  await writeLines(batch, { from });
  data.closedFrom = from;
  data.ended.notStarted += count;
  return count;
}

async function askToCancel(batch: Batch, open: OpenItem[], doubtful: number[]): Promise<CancelItemsAnswer> {
  const { data, key, firstRunId, request } = batch;
  try {
    return await itemCancels.cancelItems({
      key,
      firstRunId,
      pages: pagesFor(data.pages, [...doubtful, ...open.map(({ index }) => index)], { first: 0, end: 0 }),
      ...(request.plan && { hasPlan: true, plan: request.plan }),
      defaults: request.defaults ?? {},
      open,
      doubtful,
      ...withoutUndefined({ paid: data.paid, reason: data.cancel?.reason }),
    });
  } catch (error) {
    log.warn('the items in flight could not be asked to cancel', { reason: messageOf(error) });
    // Items that may be in flight are followed as if they were, so that nothing paid is lost.
    return { outcomes: [], started: doubtful };
  }
}

/** Writes the lines of the waiting items, except those of `started`. */
async function closeWaiting(batch: Batch, started: readonly number[]): Promise<void> {
  const { data } = batch;
  const isStarted = new Set(started);
  const others = data.givenBack.filter((index) => !isStarted.has(index));
  const { cursor, closedFrom } = data;
  if (closedFrom !== undefined) {
    const between = Array.from({ length: closedFrom - cursor }, (_, at) => cursor + at);
    others.push(...between.filter((index) => !isStarted.has(index)));
    if (others.length > 0) await writeLines(batch, { from: totalOf(data), others });
    return;
  }
  const without = started.filter((index) => index >= cursor);
  if (others.length === 0 && cursor === totalOf(data)) return;
  if (areLinesInTheWay(batch)) await writeLines(batch);
  await writeLines(batch, { from: cursor, without, others });
}

/**
 * Whether lines that fill pages must be written by themselves. What they would be sent along with (the places of 10,000
 * pages, or 256 KiB of defaults) may need the rest of the 2 MiB that Temporal accepts for an argument.
 */
export function areLinesInTheWay({ data: { lines } }: Batch): boolean {
  const isMuch = lines.length >= batchLimits.pageLines && jsonBytes(lines) > maxLinesBytes;
  return isMuch && patched('large-lines-are-written-first');
}

interface LinesWanted {
  from?: number;
  without?: number[];
  others?: number[];
  isLast?: true;
}

/** Writes the lines that are in no page yet, as far as they fill pages; with `isLast`, all of them. */
export async function writeLines(batch: Batch, wanted: LinesWanted = {}): Promise<void> {
  const { data } = batch;
  for (;;) {
    const head = wanted.from === undefined ? headOf(data.lines) : data.lines;
    const isPart = head.length < data.lines.length;
    await closeItems(batch, isPart ? {} : wanted, head);
    // An earlier version wrote all lines at once: in a replay of its runs, nothing is left here.
    if (!isPart || data.lines.length < (wanted.isLast ? 1 : batchLimits.pageLines)) return;
  }
}

/** All of these lines, or as many whole pages of them as Temporal accepts at once. */
function headOf(lines: BatchLine[]): BatchLine[] {
  const { pageLines } = batchLimits;
  if (lines.length <= pageLines || jsonBytes(lines) <= maxLinesBytes) return lines;
  let pages = Math.floor(lines.length / pageLines);
  while (pages > 1 && jsonBytes(lines.slice(0, pages * pageLines)) > maxLinesBytes) pages -= 1;
  return lines.slice(0, pages * pageLines);
}

async function closeItems(
  batch: Batch,
  { from, without = [], others = [], isLast }: LinesWanted,
  tail: BatchLine[],
): Promise<void> {
  const { data, key, request } = batch;
  const total = totalOf(data);
  const first = from ?? total;
  const question = {
    key,
    pages: pagesFor(data.pages, others, { first, end: total }),
    ...(request.plan && { hasPlan: true as const }),
    from: first,
    without,
    others,
    tail,
    page: data.linePage,
    ...(isLast && { isLast }),
  };
  for (let times = 0; ; times += 1) {
    try {
      const askedAt = Date.now();
      const { tail: rest, page, searchAttributes } = await batchPages.closeItems(question);
      const written = (page - data.linePage) * batchLimits.pageLines;
      data.lines = from === undefined ? data.lines.slice(written) : rest;
      data.linePage = page;
      batch.searchAttributes = searchAttributes;
      batch.attributesAskedAt = askedAt;
      return;
    } catch (error) {
      await pauseIfGivenUp(error, times);
    }
  }
}

/** Whether items in flight are no longer waited for. */
export function isLetGo({ cancel }: BatchData): boolean {
  return cancel?.detach === true && cancel.outcome !== undefined;
}
