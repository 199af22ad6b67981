import { ApplicationFailure, patched } from '@temporalio/workflow';
import { checkItems } from '../../domain/batch/batch-item.ts';
import type { PageOfItems } from '../../domain/batch/batch-page.ts';
import { type BatchAddMessage, batchLimits } from '../../domain/batch/batch.ts';
import { createIssueList, issuesSentence } from '../../domain/issues.ts';
import { isJsonObject } from '../../domain/json.ts';
import { describe, isIntegerBetween, isMissing, refuseUnknown } from '../../domain/request-checks.ts';
import { batchPages } from '../activity-options.ts';
import { pauseIfGivenUp } from '../given-up.ts';
import { hastenContinue, isOverfull } from './long-history.ts';
import { type Batch, totalOf } from './memory.ts';

/** Stores the items of the request as pages. */
export async function storeInlineItems(batch: Batch): Promise<void> {
  const { data } = batch;
  await inTurn(batch, async () => {
    const pages = await store(batch, data.inline, 0);
    data.inline = [];
    data.pages.push(...pages);
  });
}

/** Refuses items that cannot be added, before any of them become part of the history. */
export function checkAdd(batch: Batch, payload: unknown): void {
  const { data, hasEnded, request } = batch;
  const issues = createIssueList();
  if (!isJsonObject(payload)) throw refuse(`expected { from, items }, got ${describe(payload)}`);
  const { from, items, page, count, digest } = payload;
  const known = ['from', 'items', 'page', 'count', 'digest'];
  const refuseField = (field: string, message: string) => {
    issues.add(`$.${field}`, message);
  };
  refuseUnknown(refuseField, '', payload, ['a message', known]);
  if (!isIntegerBetween(from, 0, batchLimits.items)) {
    issues.add('$.from', `expected the number of items before it, got ${describe(from)}`);
  }
  if (isMissing(page)) {
    checkItems(items, request.plan ? 'pipeline' : 'generation', issues);
    if (Array.isArray(items) && items.length === 0) issues.add('$', 'expected at least one item');
  } else {
    if (!isMissing(items)) issues.add('$', 'expected items, or a page that holds them, not both');
    if (!isIntegerBetween(page, 0, batchLimits.items))
      issues.add('$.page', `expected the number of a page, got ${describe(page)}`);
    if (!isIntegerBetween(count, 1, batchLimits.pageItems)) {
      issues.add(
        '$.count',
        `expected a whole number from 1 to ${String(batchLimits.pageItems)}, got ${describe(count)}`,
      );
    }
    if (!isMissing(digest) && !(typeof digest === 'string' && /^[0-9a-f]{64}$/.test(digest))) {
      issues.add('$.digest', `expected 64 hex digits, got ${describe(digest)}`);
    }
  }
  const found = issues.toIssues();
  if (found.length > 0) throw refuse(issuesSentence(found), { issues: found });
  const total = totalOf(data);
  if ((from as number) > total) throw misplaced(data.pages, total, from as number);
  if ((from as number) === total && (data.sealed || hasEnded)) throw refuse('sealed', standing(data.pages, total));
  if (isOverfull(batch)) {
    const message = 'more is added at a time than the batch takes now: send the same again in a moment';
    throw ApplicationFailure.create({ type: 'ServiceUnavailable', message });
  }
}

/** Adds items behind the existing ones. Items that were added before are answered as they were then. */
export async function addItems(batch: Batch, message: BatchAddMessage): Promise<{ count: number }> {
  const { data } = batch;
  return await inTurn(batch, async () => {
    const total = totalOf(data);
    const count = isOfItems(message) ? message.items.length : message.count;
    if (message.from < total) {
      if (await isSentAgain(batch, message)) return { count: message.from + count };
      throw misplaced(data.pages, total, message.from);
    }
    if (total + count > batchLimits.items) {
      throw refuse(`a batch has at most ${String(batchLimits.items)} items`, standing(data.pages, total));
    }
    // All pages are handed on when the batch is continued, and Temporal limits the size of that.
    if (data.pages.length >= batchLimits.pages && patched('pages-have-a-limit')) {
      const most = `a batch has at most ${String(batchLimits.pages)} pages of items: add more items at a time`;
      throw refuse(most, standing(data.pages, total));
    }
    const pages = isOfItems(message) ? await store(batch, message.items, total) : [await pageOf(batch, message)];
    // The batch may have been sealed while they were stored.
    if (data.sealed) throw refuse('sealed', standing(data.pages, total));
    data.pages.push(...pages);
    data.addedAt = Date.now();
    if (batch.isStarving) batch.interrupt?.();
    return { count: totalOf(data) };
  });
}

type ItemsMessage = Extract<BatchAddMessage, { items: unknown }>;
type PageMessage = Extract<BatchAddMessage, { page: number }>;

/** A null field counts as missing, so either field may be null next to the other. */
function isOfItems(message: BatchAddMessage): message is ItemsMessage {
  return 'items' in message && !isMissing(message.items);
}

async function pageOf({ key, data }: Batch, { from, count, page, digest }: PageMessage): Promise<PageOfItems> {
  if (data.pages.some((known) => known.page === page))
    throw refuse(`page ${String(page)} is taken already`, standing(data.pages, from));
  if (!isMissing(digest)) return { page, from, count, digest };
  const [found] = await batchPages.storeItems({
    key,
    after: digestBefore(data.pages, from),
    page,
    from,
    isCheck: true,
  });
  if (found?.count === count) return found;
  throw refuse(`page ${String(page)} holds no ${String(count)} items`, standing(data.pages, from));
}

async function isSentAgain({ key, data }: Batch, message: BatchAddMessage): Promise<boolean> {
  const { from } = message;
  if (!data.pages.some((page) => page.from === from)) return false;
  if (!isOfItems(message)) {
    const { page, count, digest } = message;
    return data.pages.some(
      (known) => known.page === page && known.count === count && (isMissing(digest) || known.digest === digest),
    );
  }
  // Earlier versions refused it.
  if ('page' in message && !patched('page-of-null-is-none')) return false;
  const { items } = message;
  const page = nextPage(data.pages);
  const asPages = await batchPages.storeItems({
    key,
    items,
    after: digestBefore(data.pages, from),
    page,
    from,
    isCheck: true,
  });
  const stored = data.pages.find((known) => known.from + known.count === from + items.length);
  return stored !== undefined && stored.digest === asPages.at(-1)?.digest;
}

async function store({ key, data }: Batch, items: Batch['data']['inline'], from: number): Promise<PageOfItems[]> {
  const page = nextPage(data.pages);
  for (let times = 0; ; times += 1) {
    try {
      return await batchPages.storeItems({ key, items, after: digestBefore(data.pages, from), page, from });
    } catch (error) {
      await pauseIfGivenUp(error, times);
    }
  }
}

function nextPage(pages: readonly PageOfItems[]): number {
  return pages.reduce((last, { page }) => Math.max(last, page), -1) + 1;
}

function digestBefore(pages: readonly PageOfItems[], from: number): string {
  return pages.find((page) => page.from + page.count === from)?.digest ?? '';
}

/** Runs additions one after the other, each behind the previous one. */
async function inTurn<T>(batch: Batch, run: () => Promise<T>): Promise<T> {
  const turn = batch.storing.then(run);
  batch.storing = turn.catch(() => undefined);
  batch.stores += 1;
  try {
    return await turn;
  } finally {
    batch.stores -= 1;
    hastenContinue(batch);
  }
}

function misplaced(pages: readonly PageOfItems[], total: number, from: number): ApplicationFailure {
  const message = `items from ${String(from)} on fit nowhere: the batch has ${String(total)}`;
  return refuse(message, standing(pages, total));
}

function standing(pages: readonly PageOfItems[], count: number) {
  return { count, digest: pages.at(-1)?.digest ?? '' };
}

function refuse(message: string, details: object = {}): ApplicationFailure {
  return ApplicationFailure.create({ type: 'InvalidInput', message, nonRetryable: true, details: [details] });
}
