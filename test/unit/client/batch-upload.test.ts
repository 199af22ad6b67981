import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { expect, it } from 'vitest';
import { addAllItems } from '../../../client/batch/add-all.ts';
import { readItems } from '../../../client/batch/read-items.ts';
import type { BatchPages } from '../../../domain/batch/batch-page.ts';
import { type BatchItem, batchLimits } from '../../../domain/batch/batch.ts';
import { batchWorkflowType } from '../../../domain/names.ts';
import { itemsOfFile } from '../../../plans/batch/check-item-file.ts';
import { chainDigest } from '../../../plans/batch/item-pages.ts';
import { flux } from '../../support/simulator-client.ts';

const itemOf = (id: string, prompt = id): BatchItem => ({ id, model: flux, input: { prompt } });

/** Temporal with a batch of these items, on one page. */
function batchOf(known: BatchItem[]) {
  const input = { count: known.length, digest: known.length === 0 ? '' : chainDigest('', known), pages: 1 };
  const workflowExecutionInfo = { type: { name: batchWorkflowType }, status: 1 };
  const client = {
    options: { namespace: 'default' },
    withAbortSignal: (_: AbortSignal, call: () => unknown) => call(),
    withDeadline: (_: number, call: () => unknown) => call(),
    workflow: { getHandle: () => ({ query: () => Promise.resolve({ phase: 'running', input }) }) },
    workflowService: {
      describeWorkflowExecution: () => Promise.resolve({ workflowExecutionInfo, pendingActivities: [] }),
      describeTaskQueue: () => Promise.resolve({ pollers: [{}] }),
    },
  } as unknown as Client;
  return { client, pages: { readItems: () => Promise.resolve(known) } as unknown as BatchPages };
}

it('whoever is told to leave waits for no page that is being written', { timeout: 5_000 }, async () => {
  const { client, pages } = batchOf([]);
  const stop = new AbortController();
  const reason = new Error('left');
  const write = () => {
    setTimeout(() => {
      stop.abort(reason);
    });
    return new Promise<boolean>(() => undefined);
  };
  const added = addAllItems(client, { ...pages, write }, 'k', [itemOf('a')], { signal: stop.signal });
  await expect(added).rejects.toBe(reason);
});

it('the items of a page that Temporal has forgotten are not left out in silence', async () => {
  const { client } = batchOf([itemOf('a')]);
  const pages = { readItems: () => Promise.resolve(undefined) } as unknown as BatchPages;
  const message = 'page 0 of the items of batch "k" is kept no longer: Temporal\'s retention has passed';
  await expect(readItems(client, pages, 'k').next()).rejects.toMatchObject({ type: 'KeyNotFound', message });
});

it('a page that cannot be written while one before it still is ends no process', async () => {
  const { client, pages } = batchOf([]);
  const failed = new Error('full');
  const write = async (_: string, page: number) => {
    if (page > 1) throw failed;
    await sleep(50);
    throw new Error('later');
  };
  const items = Array.from({ length: batchLimits.pageItems + 1 }, (_, at) => itemOf(String(at)));
  await expect(addAllItems(client, { ...pages, write }, 'k', items)).rejects.toThrow('later');
});

/** What is said of a file of other items than the batch of `a`, `b` has. */
async function refusalOf(text: string): Promise<string> {
  const { client, pages } = batchOf([itemOf('a', 'two\nlines'), itemOf('b')]);
  const open = async function* () {
    yield await Promise.resolve(Buffer.from(text));
  };
  return await addAllItems(client, pages, 'k', itemsOfFile({ open }, {})).then(
    () => 'no error',
    (error: unknown) => String(error),
  );
}

it('a file of other items than the batch has is told by the line that differs', async () => {
  const header = 'id,model,prompt\n';
  const first = `a,${flux},"two\nlines"\n`;
  expect(await refusalOf(`${header}${first}\nb,${flux},c\n`)).toContain(': line 5 (id b) differs; ');
  expect(await refusalOf(`${header}${first}\n\nc,${flux},c\n`)).toContain(': line 6 has id c here, and b there; ');
  expect(await refusalOf(`${header}${first}`)).toContain(': item 2 is missing here; ');
  const [a, c] = [itemOf('a', 'two\nlines'), itemOf('b', 'c')].map((item) => JSON.stringify(item));
  expect(await refusalOf(`\n${String(a)}\n\n${String(c)}`)).toContain(': line 4 (id b) differs; ');
});

it('items that come from no file are told by their number', async () => {
  const { client, pages } = batchOf([itemOf('a'), itemOf('b')]);
  const added = addAllItems(client, pages, 'k', [itemOf('a'), itemOf('b', 'c')]);
  await expect(added).rejects.toThrow('item 2 (id b) differs');
});
