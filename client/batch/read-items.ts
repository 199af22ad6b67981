import type { Client } from '@temporalio/client';
import type { BatchPages } from '../../domain/batch/batch-page.ts';
import type { BatchItem, LineStatus } from '../../domain/batch/batch.ts';
import { batchItemKey } from '../../domain/names.ts';
import { keptNoLonger, unanswered } from './batch-errors.ts';
import { readBatchState } from './read-batch-state.ts';
import { readResults } from './read-results.ts';

/** The items of a batch in the order in which they were added; with a status, those whose result line has it. */
export async function* readItems(
  client: Client,
  pages: BatchPages,
  key: string,
  { status }: { status?: LineStatus | undefined } = {},
): AsyncGenerator<BatchItem, void, undefined> {
  const { input, isFromServer } = await readBatchState(client, key);
  if (isFromServer) throw unanswered(key, 'items');
  const wanted = status === undefined ? undefined : await keysOf(client, pages, key, status);
  for (const page of input.numbers ?? Array.from({ length: input.pages }, (_, at) => at)) {
    const items = await pages.readItems(key, page);
    // Skipping the page would silently leave its items out when the items are ordered again.
    if (items === undefined) throw keptNoLonger(key, 'items', page);
    for (const item of items) {
      if (wanted === undefined || wanted.has(batchItemKey(key, item.id))) yield item;
    }
  }
}

async function keysOf(client: Client, pages: BatchPages, key: string, status: LineStatus): Promise<Set<string>> {
  const keys = new Set<string>();
  for await (const line of readResults(client, pages, key, { status })) keys.add(line.key);
  return keys;
}
