import { type Client, QueryNotRegisteredError, WorkflowNotFoundError } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { expect, it } from 'vitest';
import { createBatchHandle } from '../../../client/batch/batch-handle.ts';
import type { BatchAddMessage } from '../../../domain/batch/batch.ts';
import { batchPageKey, batchWorkflowType } from '../../../domain/names.ts';
import { chainDigest } from '../../../plans/batch/item-pages.ts';
import { flux } from '../../support/simulator-client.ts';

const itemOf = (id: string) => ({ id, model: flux, input: { prompt: id } });
const contents = [[itemOf('a'), itemOf('b')], [itemOf('c')]] as const;
const all = contents.flat();
const [completed, terminated] = [2, 5];

/** The handle of a batch of three items, on pages 0 and 2, that has ended. */
function endedBatch({ status = completed, sealed = true, isPageKept = true, isAttended = true } = {}) {
  const startUpdate = () => Promise.reject(new WorkflowNotFoundError('workflow execution already completed', 'k', ''));
  const input = { count: 3, digest: chainDigest('', all), pages: 2, numbers: [0, 2] };
  const query = () => Promise.resolve({ phase: 'succeeded', sealed, input, counts: { total: 3 } });
  const arguments_ = new Map<string, object>([
    ['k', { keepOpen: true }],
    [batchPageKey('k', 'items', 0), { items: contents[0] }],
    ...(isPageKept ? [[batchPageKey('k', 'items', 2), { items: contents[1] }] as const] : []),
  ]);
  const loadedDataConverter = { payloadConverter: defaultPayloadConverter, payloadCodecs: [] };
  const getWorkflowExecutionHistory = ({ execution }: { execution: { workflowId: string } }) => {
    const argument = arguments_.get(execution.workflowId);
    if (!argument) return Promise.resolve({ history: { events: [] } });
    const workflowExecutionStartedEventAttributes = {
      input: { payloads: [defaultPayloadConverter.toPayload(argument)] },
    };
    return Promise.resolve({ history: { events: [{ workflowExecutionStartedEventAttributes }] } });
  };
  const workflowExecutionInfo = { type: { name: batchWorkflowType }, status };
  const unanswered = () => Promise.reject(new QueryNotRegisteredError('Workflow task failed', 3));
  const handle = { startUpdate, query: isAttended ? query : unanswered };
  const client = {
    options: { namespace: 'default', loadedDataConverter },
    withAbortSignal: (_: AbortSignal, call: () => unknown) => call(),
    withDeadline: (_: number, call: () => unknown) => call(),
    workflow: { getHandle: () => handle, start: () => Promise.resolve() },
    workflowService: {
      describeWorkflowExecution: () => Promise.resolve({ workflowExecutionInfo, pendingActivities: [] }),
      describeTaskQueue: () => Promise.resolve({ pollers: [{}] }),
      getWorkflowExecutionHistory,
    },
  } as unknown as Client;
  const started = { key: 'k', runId: 'r', attached: true, notices: [] };
  return createBatchHandle({ client, taskQueue: 'runcomfy' }, started);
}

it('a batch that was sealed and has ended says so to who seals it once more', async () => {
  expect(await endedBatch().seal()).toEqual({ count: 3 });
  const refused = { type: 'ResolutionRefused', message: 'batch "k" has ended: there is nothing to seal' };
  await expect(endedBatch({ status: terminated, sealed: false }).seal()).rejects.toMatchObject(refused);
  await expect(endedBatch({ isAttended: false }).seal()).rejects.toMatchObject({ type: 'NoWorker' });
});

const page = { from: 2, count: 1, page: 2, digest: chainDigest('', all) };

it.each<[string, BatchAddMessage, number]>([
  ['a page', page, 3],
  ['a page without its digest', { ...page, digest: null } as unknown as BatchAddMessage, 3],
  ['items of one page', { from: 2, items: [itemOf('c')] }, 3],
  ['items of more pages', { from: 0, items: all }, 3],
  ['the first items', { from: 0, items: [...contents[0]] }, 2],
])('a batch that has ended answers what it holds as before: %s', async (_, message, count) => {
  expect(await endedBatch().add(message)).toEqual({ count });
});

it.each<[string, BatchAddMessage, string, boolean?]>([
  ['further items', { from: 3, items: [itemOf('d')] }, 'sealed'],
  ['a further page', { ...page, from: 3 }, 'sealed'],
  ['other items', { from: 2, items: [itemOf('d')] }, 'fit nowhere'],
  ['more items', { from: 2, items: [itemOf('c'), itemOf('d')] }, 'fit nowhere'],
  ['a part of a page', { from: 0, items: [itemOf('a')] }, 'fit nowhere'],
  ['what begins within a page', { from: 1, items: [itemOf('b')] }, 'fit nowhere'],
  ['another page', { ...page, page: 1 }, 'fit nowhere'],
  ['a page of another digest', { ...page, digest: '0'.repeat(64) }, 'fit nowhere'],
  ['a page of another count', { ...page, count: 2 }, 'fit nowhere'],
  ['items behind the end', { from: 4, items: [itemOf('e')] }, 'fit nowhere'],
  ['items that are kept no longer', { from: 2, items: [itemOf('c')] }, 'fit nowhere', false],
])(
  'a batch that was sealed and has ended refuses what it does not hold: %s',
  async (_, message, says, isPageKept = true) => {
    const refused = { type: 'InvalidInput', message: expect.stringContaining(says) as string };
    await expect(endedBatch({ isPageKept }).add(message)).rejects.toMatchObject(refused);
  },
);

it('a source with more items than a batch that was sealed and has ended is refused', async () => {
  const refused = { type: 'InvalidInput', message: 'batch "k": sealed' };
  await expect(endedBatch().addAll([...all, itemOf('d')])).rejects.toMatchObject(refused);
});
