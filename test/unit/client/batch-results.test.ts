import { type Client, QueryNotRegisteredError } from '@temporalio/client';
import { expect, it, vi } from 'vitest';
import { readResults } from '../../../client/batch/read-results.ts';
import type { BatchPages } from '../../../domain/batch/batch-page.ts';
import type { BatchLine } from '../../../domain/batch/batch.ts';
import { batchWorkflowType } from '../../../domain/names.ts';
import { batchStateQuery } from '../../../workflows/batch/messages.ts';

const line = { id: 'a', key: 'k/a', status: 'succeeded' } as const;

type Lines = (question: { page: number }) => Promise<object>;

/** A client of a batch that has ended, unless told otherwise, whose worker answers for its state, and for its last lines as told. */
function clientOf(lines: Lines, phase = 'succeeded', status?: number): Client {
  const query = (type: { name: string }, question: { page: number }) =>
    type.name === batchStateQuery.name ? Promise.resolve({ phase, resultPages: 0 }) : lines(question);
  const description = { workflowExecutionInfo: { type: { name: batchWorkflowType }, status }, pendingActivities: [] };
  return {
    options: { namespace: 'default' },
    withAbortSignal: (_signal: AbortSignal, call: () => unknown) => call(),
    withDeadline: (_deadline: number, call: () => unknown) => call(),
    workflow: { getHandle: () => ({ query }) },
    workflowService: { describeWorkflowExecution: () => Promise.resolve(description) },
  } as unknown as Client;
}

const pages = { readLines: () => Promise.resolve(undefined) } as unknown as BatchPages;
const fails = () => Promise.reject(new QueryNotRegisteredError('Workflow task failed', 3));

async function allOf(lines: AsyncIterable<BatchLine>): Promise<BatchLine[]> {
  const all: BatchLine[] = [];
  for await (const each of lines) all.push(each);
  return all;
}

it('waits for the last lines where the worker that has the batch fails at its tasks', async () => {
  const lines = vi.fn<Lines>(() => Promise.resolve({ lines: [line] })).mockImplementationOnce(fails);
  expect(await allOf(readResults(clientOf(lines), pages, 'k', { follow: true }))).toEqual([line]);
  expect(lines).toHaveBeenCalledTimes(2);
});

it('tells that no worker answers for them where nobody waits', async () => {
  const read = readResults(clientOf(fails), pages, 'k');
  await expect(read.next()).rejects.toMatchObject({
    type: 'NoWorker',
    message: expect.stringContaining('`runcomfy-temporal worker`') as string,
  });
});

const unwritten = Array.from({ length: 250 }, (_, at) => ({ ...line, id: String(at), key: `k/${String(at)}` }));
const toldByPages: Lines = ({ page }) => Promise.resolve({ lines: unwritten.slice(page * 100, (page + 1) * 100) });

it.each([
  { of: 'a batch that stands still', phase: 'paused', follow: false },
  { of: 'a batch that Temporal has ended', phase: 'paused', follow: true, status: 5 },
])('tells all lines of $of that no page holds', async ({ phase, follow, status }) => {
  const read = await allOf(readResults(clientOf(toldByPages, phase, status), pages, 'k', { follow }));
  expect(read).toEqual(unwritten);
});

it('asks once more where the lines that no page holds fill the last answer', async () => {
  const lines: Lines = ({ page }) => Promise.resolve({ lines: page === 0 ? unwritten.slice(0, 100) : [] });
  const read = await allOf(readResults(clientOf(lines), pages, 'k', { from: 40 }));
  expect(read).toEqual(unwritten.slice(40, 100));
});
