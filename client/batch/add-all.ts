import type { Client } from '@temporalio/client';
import type { BatchPages } from '../../domain/batch/batch-page.ts';
import { type BatchItem, batchLimits } from '../../domain/batch/batch.ts';
import { isSameJson } from '../../domain/json.ts';
import { adviseReading } from '../../plans/batch/cells.ts';
import { whereIs } from '../../plans/batch/item-lines.ts';
import { chainDigest, splitIntoPages } from '../../plans/batch/item-pages.ts';
import { GenerationError } from '../errors.ts';
import { unlessLeft, withSignal } from '../with-signal.ts';
import { refuseBatch } from './batch-errors.ts';
import { findOrderIssues, type ItemSetting } from './check-items.ts';
import { readAnsweredState } from './read-batch-state.ts';
import { readItems } from './read-items.ts';
import { addOnce } from './telling/tell-ended.ts';

/** How many pages are written concurrently, ahead of the next one to be added. */
const lanes = 4;
/** How long to wait for the state from a worker, in milliseconds: as long as an update waits for one. */
const answeredWithinMs = 60_000;

/** Items of any source, in a stable order: uploading the same source again adds nothing twice. */
export type ItemSource = Iterable<BatchItem> | AsyncIterable<BatchItem>;

/** Options of an upload. */
export interface AddAllOptions {
  /** Called after each page that was added, with the number of items that the batch has. */
  onAdded?: (count: number) => void;
  /** Stops the upload, which then rejects with the signal's reason; the batch keeps what was added. */
  signal?: AbortSignal | undefined;
}

/** Counts of an upload: `count` items in the batch, of which `added` are new. */
export interface AddedItems {
  count: number;
  added: number;
}

/**
 * Adds all items of a source to a batch whose items so far are the beginning of that source; these are not sent again.
 * If they differ, `KeyInUse` names the first line that does.
 */
export async function addAllItems(
  client: Client,
  pages: BatchPages,
  key: string,
  source: ItemSource,
  { onAdded, signal, ...setting }: AddAllOptions & ItemSetting = {},
): Promise<AddedItems> {
  // The state made from Temporal's own records has no digest, so a worker has to answer.
  const { input } = await readAnsweredState(client, key, answeredWithinMs, signal);
  const items = takeFrom(source, signal);
  const orLeft = <T>(awaited: Promise<T>) => (signal ? unlessLeft(signal, awaited) : awaited);
  const write = (number: number, content: BatchItem[]) => {
    const begin = () => writeFrom(pages, key, number, content);
    const done = signal ? withSignal(client, signal, begin) : begin();
    // It may fail before it is awaited in its turn, and must not count as an unhandled rejection until then.
    done.catch(() => undefined);
    return done;
  };
  let [count, digest] = [0, ''];
  while (count < input.count) {
    const some = await items.take(Math.min(batchLimits.pageItems, input.count - count));
    if (some.length === 0) throw await differs(client, pages, key, source, { signal, lastsUntil: count });
    digest = chainDigest(digest, some);
    count += some.length;
  }
  if (digest !== input.digest) throw await differs(client, pages, key, source, { signal });
  let page = input.numbers ? Math.max(...input.numbers) + 1 : input.pages;
  const written: { page: number; items: BatchItem[]; done: Promise<number> }[] = [];
  const addNext = async () => {
    const next = written.shift();
    if (!next) return;
    const number = await orLeft(next.done);
    page = Math.max(page, number + 1);
    digest = chainDigest(digest, next.items);
    const message = { from: count, count: next.items.length, page: number, digest };
    ({ count } = await addOnce(client, pages, key, message, { over: signal }));
    onAdded?.(count);
  };
  try {
    for (;;) {
      const some = await items.take(batchLimits.pageItems);
      if (some.length === 0) break;
      const issues = await findOrderIssues(some, setting);
      if (issues.length > 0) throw refuseBatch(key, issues);
      for (const content of splitIntoPages(some)) {
        if (written.length >= lanes) await addNext();
        const number = Math.max(page, (written.at(-1)?.page ?? -1) + 1);
        written.push({ page: number, items: content, done: write(number, content) });
      }
    }
    while (written.length > 0) await addNext();
  } finally {
    // Pages that were written but never added do no harm.
    await orLeft(Promise.allSettled(written.map(({ done }) => done))).catch(() => undefined);
  }
  return { count, added: count - input.count };
}

/**
 * Writes a page under this number, or under a later one if other items have the number already; `KeyInUse` if no number
 * is found.
 */
async function writeFrom(pages: BatchPages, key: string, page: number, items: BatchItem[]): Promise<number> {
  if (await pages.write(key, page, { items })) return page;
  // The other page is left over from an abandoned upload, or somebody uploads at the same time: numbers much further on
  // are free.
  for (let number = page + 10_000; number < page + 100_000; number += 10_000) {
    if (await pages.write(key, number, { items })) return number;
  }
  const message = `batch "${key}" is added to by others with other items: choose another key`;
  throw new GenerationError({ type: 'KeyInUse', message, key });
}

/** Names the first item of a source that differs from what the batch has. */
async function differs(
  client: Client,
  pages: BatchPages,
  key: string,
  source: ItemSource,
  { signal, lastsUntil }: { signal: AbortSignal | undefined; lastsUntil?: number },
): Promise<GenerationError> {
  const tell = (where: string, how: string, advice = 'choose another key') =>
    new GenerationError({
      type: 'KeyInUse',
      message: `key "${key}" is in use by a batch of other items: ${where} ${how}; ${advice}`,
      key,
    });
  if (lastsUntil !== undefined) return tell(whereIs(undefined, lastsUntil + 1), 'is missing here');
  const given = takeFrom(source, signal);
  let number = 0;
  for await (const known of readItems(client, pages, key)) {
    number += 1;
    const [item] = await given.take(1);
    const where = whereIs(item, number);
    if (item === undefined) return tell(where, 'is missing here');
    if (!isSameJson(known, item)) {
      return tell(
        where,
        known.id === item.id ? `(id ${item.id}) differs` : `has id ${item.id} here, and ${known.id} there`,
        adviseReading(known, item),
      );
    }
  }
  return tell(whereIs((await given.take(1))[0], number + 1), 'differs');
}

/** Reads a source a given number of items at a time. */
function takeFrom(source: ItemSource, signal?: AbortSignal) {
  const items = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  return {
    async take(count: number): Promise<BatchItem[]> {
      const some: BatchItem[] = [];
      while (some.length < count) {
        signal?.throwIfAborted();
        const next = await items.next();
        if (next.done === true) break;
        some.push(next.value);
      }
      return some;
    },
  };
}
