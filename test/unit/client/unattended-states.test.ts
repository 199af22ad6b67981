import { type Client, QueryNotRegisteredError } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { expect, it } from 'vitest';
import { type KnownBatchState, readBatchState } from '../../../client/batch/read-batch-state.ts';
import { type KnownPipelineState, readPipelineState } from '../../../client/pipeline/read-pipeline-state.ts';
import { batches } from '../../../gateway/api/batches/batches.ts';
import { pipelines } from '../../../gateway/api/pipelines/pipelines.ts';
import { batch } from '../../../gateway/contract/batch.ts';
import { pipeline } from '../../../gateway/contract/pipeline.ts';
import { flux } from '../../support/simulator-client.ts';

const startedAt = '2026-11-01T00:00:00.000Z';
const continuedAt = '2026-11-05T00:00:00.000Z';
const timeOf = (at: string) => ({ seconds: Date.parse(at) / 1_000, nanos: 0 });

/** A server without workers, and a workflow that was continued as new four days after its start. */
function unattended(name: string, argument: unknown, payloadCodecs: object[] = []): Client {
  const execution = { workflowId: 'k', runId: 'run 2' };
  const run = { execution, firstRunId: 'run 1', type: { name }, status: 1, startTime: timeOf(continuedAt) };
  const getWorkflowExecutionHistory = (asked: { execution: { runId: string } }) => {
    const attributes = {
      workflowType: { name },
      firstExecutionRunId: 'run 1',
      input: { payloads: [defaultPayloadConverter.toPayload(argument)] },
    };
    const eventTime = timeOf(asked.execution.runId === 'run 1' ? startedAt : continuedAt);
    return Promise.resolve({
      history: { events: [{ eventTime, workflowExecutionStartedEventAttributes: attributes }] },
    });
  };
  const handle = {
    query: () => Promise.reject(new QueryNotRegisteredError('no worker', 3)),
  };
  return {
    options: {
      namespace: 'default',
      loadedDataConverter: { payloadConverter: defaultPayloadConverter, payloadCodecs },
    },
    withAbortSignal: (_: AbortSignal, call: () => unknown) => call(),
    withDeadline: (_: number, call: () => unknown) => call(),
    workflow: { getHandle: () => handle },
    workflowService: {
      describeWorkflowExecution: () => Promise.resolve({ workflowExecutionInfo: run, pendingActivities: [] }),
      describeTaskQueue: () => Promise.resolve({ pollers: [] }),
      getWorkflowExecutionHistory,
    },
  } as unknown as Client;
}

const pipelineTold = (state: KnownPipelineState) => pipeline.parse(pipelines.toBody({ key: 'k', state }));
const batchTold = (state: KnownBatchState) => batch.parse(batches.toBody({ key: 'k', state }));
const plan = { version: 1, steps: { a: { model: flux, input: { prompt: 'a cat' } } } };

it.each([
  ['as it was asked for', { plan, deadlineMs: 3_600_000 }, '2026-11-01T01:00:00.000Z'],
  ['which is seven days', { plan, deadlineMs: null }, '2026-11-08T00:00:00.000Z'],
  ['which nobody understands', { plan, deadlineMs: 1e20 }, '2026-11-08T00:00:00.000Z'],
])('of a pipeline without a worker its start and its deadline are told, %s', async (_, request, deadlineAt) => {
  const state = await readPipelineState(unattended('runcomfyPipeline', request), 'k');
  expect(state).toMatchObject({ startedAt, deadlineAt, isFromServer: true });
  expect(pipelineTold(state)).toMatchObject({ startedAt, deadlineAt });
});

const items = [{ id: 'a', model: flux, input: { prompt: 'a cat' } }];

it.each([
  ['an item, and no more to come', { items }, { sealed: true, window: 20 }],
  ['an item and more to come', { items, keepOpen: true, window: 7 }, { sealed: false, window: 7 }],
  ['nothing yet', { defaults: { model: flux } }, { sealed: false, window: 20 }],
])('of a batch without a worker its start is told, and what it was started with: %s', async (_, request, told) => {
  const state = await readBatchState(unattended('runcomfyBatch', request), 'k');
  expect(state).toMatchObject({ ...told, startedAt, isFromServer: true });
  expect(batchTold(state)).toMatchObject({ ...told, startedAt });
});

it('tells of what cannot be decoded here when its newest run began', async () => {
  const codecs = [{ decode: () => Promise.reject(new Error('no key')) }];
  const told = { startedAt: continuedAt, isFromServer: true };
  const state = await readPipelineState(unattended('runcomfyPipeline', { plan }, codecs), 'k');
  expect(pipelineTold(state)).toMatchObject({ ...told, deadlineAt: '2026-11-12T00:00:00.000Z' });
  expect(batchTold(await readBatchState(unattended('runcomfyBatch', { items }, codecs), 'k'))).toMatchObject(told);
});
