import { type Client, QueryNotRegisteredError } from '@temporalio/client';
import { defaultPayloadConverter, type Payload, type PayloadCodec, ValueError } from '@temporalio/common';
import { expect, it } from 'vitest';
import { listBatches, listBatchPage } from '../../../client/batch/list-batches.ts';
import { readBatchState } from '../../../client/batch/read-batch-state.ts';
import { listBudgets } from '../../../client/budget/list-budgets.ts';
import { readBudget } from '../../../client/budget/read-budget.ts';
import { findSpentBudgets } from '../../../client/operator/spent-budgets.ts';
import { listPipelinePage, listPipelines } from '../../../client/pipeline/list-pipelines.ts';
import { readPipelineState } from '../../../client/pipeline/read-pipeline-state.ts';
import { anonymousAccess } from '../../../gateway/access/access.ts';
import { batchList } from '../../../gateway/contract/batch.ts';
import { pipelineList } from '../../../gateway/contract/pipeline.ts';
import { serve } from '../../support/gateway-in-process.ts';

const plain = (value: unknown): Payload => defaultPayloadConverter.toPayload(value);
const encrypted: Payload = { metadata: { encoding: Buffer.from('binary/encrypted') }, data: Buffer.from('secret') };

interface Kept {
  name: 'runcomfyBatch' | 'runcomfyPipeline' | 'runcomfyBudget' | 'runcomfyGeneration';
  memo: Record<string, Payload>;
  /** What search attribute `RunComfyPhase` says. */
  phase?: string | undefined;
  /** As Temporal numbers it; 2: completed, 3: failed. */
  status?: number;
  codecs?: PayloadCodec[];
  key?: string;
}

/** A Temporal that keeps one run, without a worker. */
function keeping({ name, memo, phase, status = 2, codecs = [], key = 'k' }: Kept): Client {
  const indexedFields = phase === undefined ? {} : { RunComfyPhase: { data: Buffer.from(JSON.stringify(phase)) } };
  const run = {
    execution: { workflowId: key, runId: 'r' },
    type: { name },
    status,
    searchAttributes: { indexedFields },
    memo: { fields: memo },
  };
  const query = () => Promise.reject(new QueryNotRegisteredError('no worker', 3));
  return {
    options: {
      namespace: 'default',
      loadedDataConverter: { payloadConverter: defaultPayloadConverter, payloadCodecs: codecs },
    },
    withAbortSignal: (_: AbortSignal, call: () => unknown) => call(),
    withDeadline: (_: number, call: () => unknown) => call(),
    workflow: { getHandle: () => ({ query }), result: () => Promise.reject(new Error('encrypted')) },
    workflowService: {
      listWorkflowExecutions: () => Promise.resolve({ executions: [run], nextPageToken: new Uint8Array() }),
      describeWorkflowExecution: () => Promise.resolve({ workflowExecutionInfo: run, pendingActivities: [] }),
      describeTaskQueue: () => Promise.resolve({ pollers: [] }),
      getWorkflowExecutionHistory: () => Promise.resolve({ history: { events: [] } }),
    },
  } as unknown as Client;
}

async function rowsOf<Row>(rows: AsyncIterable<Row>): Promise<Row[]> {
  const found = [];
  for await (const row of rows) found.push(row);
  return found;
}

it.each([
  ['failed', 'failed'],
  ['cancelled', 'cancelled'],
  ['succeeded', 'succeeded'],
  [undefined, 'partial'],
])('tells how a batch ended by its search attribute (%s) where its memo is encrypted', async (attribute, phase) => {
  const client = keeping({ name: 'runcomfyBatch', memo: { runcomfyBatch: encrypted }, phase: attribute });
  expect(await rowsOf(listBatches(client))).toEqual([expect.objectContaining({ phase, isUndecodable: true })]);
  const { rows } = await listBatchPage(client, {}, { limit: 1 });
  expect(batchList.parse({ batches: rows }).batches).toMatchObject([{ phase, isUndecodable: true }]);
  if (phase !== 'succeeded') expect(await rowsOf(listBatches(client, { phase: 'succeeded' }))).toEqual([]);
  expect(await readBatchState(client, 'k')).toMatchObject({ phase, isFromServer: true });
});

it.each([
  [2, 'partial', 'partial'],
  [2, 'succeeded', 'succeeded'],
  // What the worker knew of search attributes may have been out of date at the end.
  [2, 'running', 'partial'],
  [2, undefined, 'partial'],
  [3, 'timed_out', 'timed_out'],
  [3, 'running', 'failed'],
  [3, undefined, 'failed'],
  [1, 'stopping', 'stopping'],
  [1, undefined, 'running'],
])(
  'tells where a pipeline of status %i stands by its search attribute (%s) where its memo is encrypted',
  async (status, attribute, phase) => {
    const memo = { runcomfyPipeline: encrypted };
    const client = keeping({ name: 'runcomfyPipeline', memo, phase: attribute, status });
    expect(await rowsOf(listPipelines(client))).toEqual([expect.objectContaining({ phase, isUndecodable: true })]);
    const { rows } = await listPipelinePage(client, {}, { limit: 1 });
    expect(pipelineList.parse({ pipelines: rows }).pipelines).toMatchObject([{ phase, isUndecodable: true }]);
    if (phase !== 'succeeded') expect(await rowsOf(listPipelines(client, { phase: 'succeeded' }))).toEqual([]);
    expect(await readPipelineState(client, 'k')).toMatchObject({ phase, isFromServer: true });
  },
);

it('reads the memo of a workflow whatever else whoever started it has left there', async () => {
  const shown = { phase: 'partial', costUsd: 2 };
  const batch = keeping({ name: 'runcomfyBatch', memo: { note: encrypted, runcomfyBatch: plain(shown) } });
  const [batchRow] = await rowsOf(listBatches(batch));
  expect(batchRow).toMatchObject(shown);
  expect(batchRow).not.toHaveProperty('isUndecodable');
  expect(await readBatchState(batch, 'k')).toMatchObject({ phase: 'partial', money: { spentUsd: 2 } });
  const memo = { note: encrypted, runcomfyPipeline: plain({ ...shown, steps: { a: 'succeeded', b: 'failed' } }) };
  const pipeline = keeping({ name: 'runcomfyPipeline', memo });
  const [pipelineRow] = await rowsOf(listPipelines(pipeline));
  expect(pipelineRow).toMatchObject({ ...shown, steps: 2, succeeded: 1 });
  expect(pipelineRow).not.toHaveProperty('isUndecodable');
  expect(await readPipelineState(pipeline, 'k')).toMatchObject(shown);
  const budget = { name: 'acme', spentUsd: 2 };
  const ofBudget = { note: encrypted, runcomfyBudget: plain(budget) };
  const kept = keeping({ name: 'runcomfyBudget', memo: ofBudget, status: 1 });
  expect(await readBudget(kept, 'acme')).toEqual({ ...budget, isFromServer: true });
});

it('lists a budget whose memo is encrypted by its name where no worker answers', async () => {
  const kept = { name: 'runcomfyBudget', key: 'runcomfy-budget:acme', status: 1 } as const;
  const client = keeping({ ...kept, memo: { runcomfyBudget: encrypted } });
  expect(await rowsOf(listBudgets(client))).toEqual([{ name: 'acme', isUndecodable: true }]);
  expect(await rowsOf(listBudgets(keeping({ ...kept, memo: {} })))).toEqual([]);
});

it('lists a generation of which nothing can be read here by its key, over HTTP as well', async () => {
  const client = keeping({ name: 'runcomfyGeneration', memo: {}, status: 1 });
  const workflow = { getHandle: () => ({ query: () => Promise.reject(new ValueError('Unknown encoding')) }) };
  const url = await serve(anonymousAccess, { client: Object.assign(client, { workflow }) });
  const page = await fetch(`${url}/api/v1/generations`);
  const row = { key: 'k', runId: 'r', model: '', phase: 'submitting', isUndecodable: true };
  expect([page.status, await page.json()]).toEqual([200, { generations: [expect.objectContaining(row)] }]);
});

/** A codec that takes only what belongs to workflow `k`, as one does that binds what it encrypts to its owner. */
const boundToOwner: PayloadCodec = {
  encode: (payloads) => Promise.resolve(payloads),
  decode: (payloads, context) =>
    context?.type === 'workflow' && context.namespace === 'default' && context.workflowId === 'k'
      ? Promise.resolve(payloads)
      : Promise.reject(new Error('of another workflow')),
};

it('decodes a memo as what belongs to its workflow', async () => {
  const codecs = [boundToOwner];
  const labels = { customer: 'acme' };
  const shown = { phase: 'partial', costUsd: 2 };
  const memo = { runcomfyBatch: plain(shown), runcomfyLabels: plain(labels) };
  const batch = keeping({ name: 'runcomfyBatch', memo, codecs });
  const [batchRow] = await rowsOf(listBatches(batch));
  expect(batchRow).toMatchObject({ ...shown, labels });
  expect(batchRow).not.toHaveProperty('isUndecodable');
  const pipeline = keeping({ name: 'runcomfyPipeline', memo: { runcomfyPipeline: plain(shown) }, codecs });
  const [pipelineRow] = await rowsOf(listPipelines(pipeline));
  expect(pipelineRow).toMatchObject(shown);
  expect(pipelineRow).not.toHaveProperty('isUndecodable');
  const budget = { name: 'acme', spentUsd: 2, availableUsd: 0, overUsd: 0 };
  const kept = keeping({ name: 'runcomfyBudget', memo: { runcomfyBudget: plain(budget) }, status: 1, codecs });
  expect(await readBudget(kept, 'acme')).toEqual({ ...budget, isFromServer: true });
  expect(await findSpentBudgets(kept)).toEqual({ lookedAt: 1, spent: [budget] });
});
