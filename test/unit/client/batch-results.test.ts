import { type Client, QueryNotRegisteredError } from '@temporalio/client';
import { expect, it, vi } from 'vitest';
import { readResults } from '../../../client/batch/read-results.ts';
import type { BatchPages } from '../../../domain/batch/batch-page.ts';
import { batchWorkflowType } from '../../../domain/names.ts';
import { batchStateQuery } from '../../../workflows/batch/messages.ts';

const line = { id: 'a', key: 'k/a', status: 'succeeded' } as const;

/** A client of a batch that has ended, whose worker answers for its state, and for its last lines as told. */
function clientOf(lines: () => Promise<object>): Client {
  const query = (type: { name: string }) =>
    type.name === batchStateQuery.name ? Promise.resolve({ phase: 'succeeded', resultPages: 0 }) : lines();
  const description = { workflowExecutionInfo: { type: { name: batchWorkflowType } }, pendingActivities: [] };
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

it('waits for the last lines where the worker that has the batch fails at its tasks', async () => {
  const lines = vi.fn<() => Promise<object>>(() => Promise.resolve({ lines: [line] })).mockImplementationOnce(fails);
  const read = [];
  for await (const each of readResults(clientOf(lines), pages, 'k', { follow: true })) read.push(each);
  expect(read).toEqual([line]);
  expect(lines).toHaveBeenCalledTimes(2);
});

it('tells that no worker answers for them where nobody waits', async () => {
  const read = readResults(clientOf(fails), pages, 'k');
  await expect(read.next()).rejects.toMatchObject({
    type: 'NoWorker',
    message: expect.stringContaining('`runcomfy-temporal worker`') as string,
  });
});
