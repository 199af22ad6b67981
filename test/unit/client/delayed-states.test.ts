import { type Client, QueryNotRegisteredError } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { expect, it } from 'vitest';
import { readBatchState } from '../../../client/batch/read-batch-state.ts';
import { createGenerationClient } from '../../../client/index.ts';
import { readPipelineState } from '../../../client/pipeline/read-pipeline-state.ts';
import { batches } from '../../../gateway/api/batches/batches.ts';
import { pipelines } from '../../../gateway/api/pipelines/pipelines.ts';
import { batch } from '../../../gateway/contract/batch.ts';
import { pipeline } from '../../../gateway/contract/pipeline.ts';
import { flux } from '../../support/simulator-client.ts';

const delayMs = 172_800_000;
const timeOf = (ms: number) => ({ seconds: Math.floor(ms / 1_000), nanos: (ms % 1_000) * 1e6 });
const task = { workflowTaskScheduledEventAttributes: {} };
const told = { workflowExecutionSignaledEventAttributes: {} };

const order = { model: flux, input: { prompt: 'a cat' } };

/** What a workflow is, what follows its first event, and the run that Temporal started it after. */
interface Given {
  name?: string;
  events?: object[];
  continuedExecutionRunId?: string;
}

/** A server that has a workflow, started so long ago with a delay of two days. */
function delayed(
  ms: number,
  argument: object,
  { name = 'runcomfyGeneration', events = [], continuedExecutionRunId = '' }: Given = {},
) {
  // Whoever waits for it is told by the clock of this machine.
  const start = Date.now() - ms;
  const type = { name };
  const execution = { workflowId: 'k', runId: 'run 1' };
  const attributes = {
    workflowType: type,
    firstExecutionRunId: 'run 1',
    continuedExecutionRunId,
    firstWorkflowTaskBackoff: timeOf(delayMs),
    input: { payloads: [defaultPayloadConverter.toPayload(argument)] },
  };
  const first = { eventTime: timeOf(start), workflowExecutionStartedEventAttributes: attributes };
  const times = { startTime: timeOf(start), executionTime: timeOf(start + delayMs) };
  const run = { execution, firstRunId: 'run 1', type, status: 1, taskQueue: 'q', ...times };
  const client = {
    options: {
      namespace: 'default',
      loadedDataConverter: { payloadConverter: defaultPayloadConverter, payloadCodecs: [] },
    },
    withAbortSignal: (_: AbortSignal, call: () => unknown) => call(),
    withDeadline: (_: number, call: () => unknown) => call(),
    workflow: { getHandle: () => ({ query: () => Promise.reject(new QueryNotRegisteredError('not yet', 3)) }) },
    workflowService: {
      describeWorkflowExecution: () => Promise.resolve({ workflowExecutionInfo: run, pendingActivities: [] }),
      getWorkflowExecutionHistory: () =>
        Promise.resolve({ history: { events: [first, ...events] }, nextPageToken: new Uint8Array() }),
    },
  } as unknown as Client;
  return { start, client };
}

async function stateAfter(ms: number, { request = {}, ...given }: Given & { request?: object } = {}) {
  const { start, client } = delayed(ms, { ...order, ...request }, given);
  const handle = await createGenerationClient({ client }).get('k');
  return { start, state: await handle.state() };
}

it.each([
  ['nothing else happened', []],
  ['it was told something', [told]],
])(
  'of a generation whose start is delayed it is told when it begins, and that nothing was sent: %s',
  async (...given) => {
    const { start, state } = await stateAfter(60_000, { events: given[1] });
    expect(Date.parse(state.beginsAt ?? '')).toBe(start + delayMs);
    expect(Date.parse(state.deadlineAt)).toBe(start + delayMs + 86_400_000);
    expect(state).toMatchObject({ phase: 'submitting', submission: 'not_sent', isFromServer: true });
  },
);

it('of one that follows a request it is told that RunComfy has it, though its start is delayed', async () => {
  const { state } = await stateAfter(60_000, { request: { requestId: 'r-1' } });
  expect(state).toMatchObject({ submission: 'accepted', requestId: 'r-1', beginsAt: expect.any(String) as string });
});

it.each([
  ['a worker was given a task of it all the same', 60_000, { events: [task] }],
  ['its delay is over', delayMs + 60_000, {}],
  ['Temporal starts it again after a run that may have sent it', 60_000, { continuedExecutionRunId: 'run 0' }],
])('nothing is said of what was sent where %s', async (_why, ms, given) => {
  const { start, state } = await stateAfter(ms, given);
  expect(state).toMatchObject({ submission: 'unknown', isFromServer: true });
  expect(state).not.toHaveProperty('beginsAt');
  expect(Math.abs(Date.parse(state.deadlineAt) - start - delayMs - 86_400_000)).toBeLessThan(1_000);
});

it('of a pipeline and a batch whose start is delayed it is told when they begin', async () => {
  const plan = { version: 1, steps: { a: order } };
  const { start, client } = delayed(60_000, { plan, deadlineMs: 3_600_000 }, { name: 'runcomfyPipeline' });
  const state = await readPipelineState(client, 'k');
  const [beginsAt, deadlineAt] = [0, 3_600_000].map((ms) => new Date(start + delayMs + ms).toISOString());
  expect(state).toMatchObject({ isFromServer: true, beginsAt, deadlineAt });
  expect(pipeline.parse(pipelines.toBody({ key: 'k', state }))).toMatchObject({ beginsAt });
  const ofBatch = delayed(60_000, { items: [{ id: 'a', ...order }] }, { name: 'runcomfyBatch' });
  const told = await readBatchState(ofBatch.client, 'k');
  expect(Date.parse(told.beginsAt ?? '')).toBe(ofBatch.start + delayMs);
  expect(batch.parse(batches.toBody({ key: 'k', state: told }))).toMatchObject({ beginsAt: told.beginsAt });
});

it('of a pipeline and a batch that Temporal starts again it is not told that nothing was ordered', async () => {
  const plan = { version: 1, steps: { a: order } };
  const again = { continuedExecutionRunId: 'run 0' };
  const { client } = delayed(60_000, { plan }, { name: 'runcomfyPipeline', ...again });
  expect(await readPipelineState(client, 'k')).not.toHaveProperty('beginsAt');
  const ofBatch = delayed(60_000, { items: [{ id: 'a', ...order }] }, { name: 'runcomfyBatch', ...again });
  expect(await readBatchState(ofBatch.client, 'k')).not.toHaveProperty('beginsAt');
});
