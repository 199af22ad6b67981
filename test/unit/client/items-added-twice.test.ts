import { ApplicationFailure, type Client, WorkflowFailedError } from '@temporalio/client';
import { defaultPayloadConverter, type Payload, RetryState } from '@temporalio/common';
import { expect, it } from 'vitest';
import { createItemOrders, type ItemOrderPlace } from '../../../client/batch/item-orders.ts';
import { createPipelineItemOrders } from '../../../client/batch/pipeline-item-orders.ts';
import { grpcCode } from '../../../client/grpc.ts';
import type { PaidBefore } from '../../../domain/batch/item-end.ts';
import type { ItemStart } from '../../../domain/batch/item-order.ts';
import { batchItemMemoKey, generationWorkflowType, pipelineWorkflowType } from '../../../domain/names.ts';
import { flux } from '../../support/simulator-client.ts';

const key = 'k/a';
const order = { model: flux, input: { prompt: 'a cat' } };
const plan = { plan: { version: 1, steps: { still: order } } };
const empty = { type: 'InsufficientBalance', message: 'empty', submission: 'refused' } as const;
const atAWall = { costUsd: 1, presumedUsd: 0.25, steps: {}, failure: empty, submission: 'refused' };
const paid = { paid: 1_250_000, presumedPaid: 250_000 };
const [running, completed, failed] = [1, 2, 3];

interface Start {
  workflowIdReusePolicy: number;
  memo: { fields: Record<string, Payload> };
}

/** Temporal with one closed run of the key: it met a wall, and tells `more`, or `result` is what it gave. */
function temporalWith(name: string, mark: object | undefined, result?: object, more: object = {}) {
  const request = name === pipelineWorkflowType ? plan : order;
  const runs = [{ status: result ? completed : failed, memo: { [batchItemMemoKey]: mark } as Record<string, unknown> }];
  const last = () => runs.at(-1) ?? { status: 0, memo: {} };
  const type = { name };
  const workflowService = {
    describeWorkflowExecution: () => {
      const execution = { workflowId: key, runId: `run-${String(runs.length)}` };
      return Promise.resolve({
        workflowExecutionInfo: { execution, type, status: last().status },
        pendingActivities: [],
      });
    },
    getWorkflowExecutionHistory: () => {
      const input = { payloads: [defaultPayloadConverter.toPayload(request)] };
      return Promise.resolve({ history: { events: [{ workflowExecutionStartedEventAttributes: { input } }] } });
    },
    startWorkflowExecution: ({ workflowIdReusePolicy, memo: { fields } }: Start) => {
      const rejectDuplicate = 3;
      if (last().status !== running && workflowIdReusePolicy === rejectDuplicate) {
        const known = { code: grpcCode.alreadyExists, details: '', metadata: {} };
        return Promise.reject(Object.assign(new Error('known'), known));
      }
      const isNew = last().status !== running;
      const field = fields[batchItemMemoKey] ?? {};
      if (isNew)
        runs.push({ status: running, memo: { [batchItemMemoKey]: defaultPayloadConverter.fromPayload(field) } });
      return Promise.resolve({ runId: `run-${String(runs.length)}`, started: isNew });
    },
  };
  const end = () => {
    const details = [{ key, phase: 'failed', ...atAWall, ...more }];
    const cause = ApplicationFailure.create({ type: 'InsufficientBalance', message: 'empty', details });
    return Promise.reject(new WorkflowFailedError('failed', cause, RetryState.NON_RETRYABLE_FAILURE));
  };
  const workflow = {
    connection: { workflowService },
    options: {},
    getHandle: () => ({ describe: () => Promise.resolve(last()) }),
    result: () => (result ? Promise.resolve(result) : end()),
  };
  const loadedDataConverter = { payloadConverter: defaultPayloadConverter, payloadCodecs: [] };
  const call = (_: unknown, make: () => unknown) => make();
  const options = { namespace: 'default', loadedDataConverter };
  const client = { options, workflow, workflowService, withDeadline: call, withAbortSignal: call } as unknown as Client;
  const place = { client, taskQueue: 'q' } as ItemOrderPlace;
  const start = (index: number, before?: PaidBefore) => {
    const again = { key, mark: { run: 'r', index }, again: true, priority: {}, ...(before && { before }) };
    return name === pipelineWorkflowType
      ? createPipelineItemOrders(place).start(plan, again)
      : createItemOrders(place).start(order, again);
  };
  return { start, marks: () => runs.map(({ memo }) => memo[batchItemMemoKey]) };
}

const counted: ItemStart = { isStarted: true };
const repeated: ItemStart = { isStarted: true, attached: true, isRepeat: true };

it.each([
  ['generation', generationWorkflowType],
  ['pipeline', pipelineWorkflowType],
])('a %s of two places that ran into a wall, and is run again by both, is counted by one of them', async (_, name) => {
  const { start, marks } = temporalWith(name, { run: 'r', index: 0 });
  expect(await Promise.all([start(0), start(1)])).toEqual([counted, repeated]);
  expect(marks()).toHaveLength(2);
});

it('a pipeline that is run again by its second place is counted by the first one, which had counted what it cost', async () => {
  const { start, marks } = temporalWith(pipelineWorkflowType, { run: 'r', index: 0 });
  expect(await Promise.all([start(1), start(0)])).toEqual([repeated, counted]);
  expect(marks()).toEqual([
    { run: 'r', index: 0 },
    { run: 'r', index: 0, ...paid },
  ]);
});

it('a pipeline that is run again knows of what was billed before, though neither cost nor price of it is known', async () => {
  const { start, marks } = temporalWith(pipelineWorkflowType, { run: 'r', index: 1 }, undefined, { unpriced: 1 });
  await start(1);
  expect(marks().at(-1)).toEqual({ run: 'r', index: 1, ...paid, isPartial: true });
});

it('a pipeline that somebody else ran last is run again with what the batch had counted before, within its limit', async () => {
  const before = { paid: 500_000, presumedPaid: 100_000 };
  for (const [mark, counted] of [
    [undefined, before],
    [{ run: 'r', index: 0, ...before }, before],
    // The run that the batch has counted itself.
    [{ run: 'r', index: 0 }, paid],
  ] as const) {
    const { start, marks } = temporalWith(pipelineWorkflowType, mark);
    await start(0, counted);
    const all = mark && !('paid' in mark) ? paid : { paid: 1_750_000, presumedPaid: 350_000 };
    expect(marks().at(-1)).toEqual({ run: 'r', index: 0, ...all });
  }
});

it('a pipeline of somebody else, or of an earlier run of the batch, that is run again is counted by who does', async () => {
  for (const mark of [undefined, { run: 'earlier', index: 0 }]) {
    const { start, marks } = temporalWith(pipelineWorkflowType, mark);
    expect(await start(1)).toEqual(counted);
    expect(marks().at(-1)).toEqual({ run: 'r', index: 1, ...paid });
  }
});

it.each([
  ['for the other place', { run: 'r', index: 0 }, repeated],
  ['for this place', { run: 'r', index: 1 }, counted],
  ['by somebody else', undefined, { isStarted: true, attached: true }],
])('a pipeline that was made %s and has succeeded meanwhile is told as such', async (_, mark, expected) => {
  const result = { phase: 'succeeded', outputs: {}, steps: {}, costUsd: 3 };
  expect(await temporalWith(pipelineWorkflowType, mark, result).start(1)).toEqual(expected);
});
