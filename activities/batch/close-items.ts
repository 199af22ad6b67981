import type { BatchActivities } from '../../domain/batch/batch-activities.ts';
import { batchLimits, type BatchLine } from '../../domain/batch/batch.ts';
import { withHeartbeats } from '../pipeline/with-heartbeats.ts';
import type { BatchDeps } from './batch-deps.ts';
import { createItemReader } from './item-reader.ts';
import { writeLinePages } from './line-pages.ts';

/** Number of pages collected before they are written, so that a batch of 100,000 is not held in memory. */
const pagesAtOnce = 8;

/** Gives every item that is never started its line, and writes full pages; on the last call also the rest. */
export function createCloseItems(deps: BatchDeps): BatchActivities['closeItems'] {
  return (question) =>
    withHeartbeats(async () => {
      const { key, from, without, others, pages, isLast } = question;
      const readItem = createItemReader(deps, question);
      const skipped = new Set(without);
      const last = pages.at(-1);
      const end = last ? last.from + last.count : from;
      let tail: BatchLine[] = [...question.tail];
      let { page } = question;
      const flush = async (isAll: boolean) => {
        const { pageLines } = batchLimits;
        const count = isAll ? Math.ceil(tail.length / pageLines) : Math.floor(tail.length / pageLines);
        const write = Array.from({ length: count }, (_, at) => ({
          page: page + at,
          lines: tail.slice(at * pageLines, (at + 1) * pageLines),
        }));
        await writeLinePages(deps.pages, key, write);
        tail = tail.slice(count * pageLines);
        page += count;
      };
      const close = async (index: number) => {
        const { id, key: itemKey } = await readItem(index);
        tail.push({ id, key: itemKey, status: 'not_started' });
        if (tail.length >= pagesAtOnce * batchLimits.pageLines) await flush(false);
      };
      for (const index of others) await close(index);
      for (let index = from; index < end; index += 1) if (!skipped.has(index)) await close(index);
      await flush(isLast === true);
      return { tail, page, searchAttributes: deps.searchAttributes() };
    });
}
