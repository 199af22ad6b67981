import { type Client, ServiceError, WorkflowNotFoundError } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { expect, it } from 'vitest';
import { createBatchHandle } from '../../../client/batch/batch-handle.ts';
import { readBatchState } from '../../../client/batch/read-batch-state.ts';
import { cancelBatch, pauseBatch, sealBatch } from '../../../client/batch/telling/tell-batch.ts';
import { changeBudget } from '../../../client/budget/change-budget.ts';
import { cancelGeneration } from '../../../client/generation/deciding/cancel-generation.ts';
import { resolveSubmission } from '../../../client/generation/deciding/resolve-submission.ts';
import { createHandle } from '../../../client/generation/generation-handle.ts';
import { asOneCall } from '../../../client/generation/one-call.ts';
import { grpcCode } from '../../../client/grpc.ts';
import { createGenerationClient } from '../../../client/index.ts';
import { cancelPipeline, decidePipeline } from '../../../client/pipeline/decide.ts';
import { createPipelineHandle } from '../../../client/pipeline/pipeline-handle.ts';
import { readPipelineState } from '../../../client/pipeline/read-pipeline-state.ts';
import type { BatchAddMessage } from '../../../domain/batch/batch.ts';
import { flux, kling } from '../../support/simulator-client.ts';

const refused = (code: number) =>
  new ServiceError('refused', { cause: Object.assign(new Error('why'), { code, details: '', metadata: {} }) });
const busy = refused(grpcCode.resourceExhausted);
const gone = (key: string) => new WorkflowNotFoundError('workflow execution already completed', key, undefined);

/** Runs of one key, the newest last; `continues`: the run before was continued as new. */
interface Run {
  runId: string;
  firstRunId: string;
}

interface Later {
  /** The newest run after the first message. */
  then?: Run;
  /** The newest run once a worker has said where the one stands that was asked about. */
  asked?: Run;
  /** What all were started with. */
  argument?: object;
}

/** Temporal with runs of one key, and which of them heard something. */
function temporalWith(type: string, runs: Run[], { then, asked, argument = {} }: Later = {}) {
  const heard: string[] = [];
  const newest = () => runs.at(-1) ?? { runId: '', firstRunId: '' };
  const message = (isMeant: boolean) => {
    if (!isMeant) return Promise.reject(gone('k'));
    heard.push(newest().runId);
    if (heard.length === 1 && then) runs.push(then);
    return Promise.reject(busy);
  };
  const stateOf = (runId: string) => ({
    phase: runId === newest().runId ? 'running' : 'cancelled',
    cancel: { requestedAt: '', outcome: runId === newest().runId ? 'not_cancellable' : 'cancelled' },
    steps: [],
    counts: { total: 2 },
  });
  const isKept = (wanted = '') => runs.some(({ runId }) => wanted === '' || runId === wanted);
  const getHandle = (_: string, runId?: string, { firstExecutionRunId }: { firstExecutionRunId?: string } = {}) => ({
    startUpdate: () => message([undefined, newest().firstRunId].includes(firstExecutionRunId)),
    getUpdateHandle: () => ({ result: () => Promise.reject(gone('k')) }),
    signal: () => message([undefined, newest().runId].includes(runId)),
    query: () => {
      if (!isKept(runId)) return Promise.reject(gone('k'));
      const said = stateOf(runId ?? newest().runId);
      if (asked) runs.push(asked);
      return Promise.resolve(said);
    },
    describe: () => Promise.resolve({}),
  });
  const describeWorkflowExecution = ({ execution }: { execution: { runId: string } }) => {
    if (!isKept(execution.runId)) return Promise.reject(refused(grpcCode.notFound));
    const found = runs.find(({ runId }) => runId === execution.runId) ?? newest();
    const workflowExecutionInfo = {
      execution: { workflowId: 'k', runId: found.runId },
      firstRunId: found.firstRunId,
      type: { name: type },
      status: found === newest() ? 1 : 4,
    };
    return Promise.resolve({ workflowExecutionInfo, pendingActivities: [] });
  };
  const getWorkflowExecutionHistory = ({ execution }: { execution: { runId: string } }) => {
    if (!isKept(execution.runId)) return Promise.reject(refused(grpcCode.notFound));
    const at = runs.findIndex(({ runId }) => runId === execution.runId);
    const next = runs.slice(at + 1).find(({ firstRunId }) => firstRunId === runs[at]?.firstRunId);
    const events = [
      {
        workflowExecutionStartedEventAttributes: {
          workflowType: { name: type },
          firstExecutionRunId: runs[at]?.firstRunId,
          input: { payloads: [defaultPayloadConverter.toPayload(argument)] },
        },
        workflowExecutionContinuedAsNewEventAttributes: next && { newExecutionRunId: next.runId },
      },
    ];
    return Promise.resolve({ history: { events } });
  };
  const startWorkflowExecution = () => {
    const isNew = runs.length === 0;
    if (isNew) runs.push(first);
    return Promise.resolve({ runId: newest().runId, started: isNew });
  };
  const loadedDataConverter = { payloadConverter: defaultPayloadConverter, payloadCodecs: [] };
  const client = {
    options: { namespace: 'default', loadedDataConverter },
    withAbortSignal: (_: AbortSignal, call: () => unknown) => call(),
    withDeadline: (_: number, call: () => unknown) => call(),
    workflow: { getHandle, connection: { workflowService: { startWorkflowExecution } }, options: {} },
    workflowService: {
      describeWorkflowExecution,
      getWorkflowExecutionHistory,
      describeTaskQueue: () => Promise.resolve({ pollers: [{}] }),
    },
  } as unknown as Client;
  return { client, heard, runs };
}

const first = { runId: 'run 1', firstRunId: 'run 1' };
const continued = { runId: 'run 1b', firstRunId: 'run 1' };
const again = { runId: 'run 2', firstRunId: 'run 2' };

const release = { key: 'order', reason: 'never billed' };

it.each<[string, string, (client: Client) => Promise<unknown>]>([
  ['a cancel', 'runcomfyGeneration', (client) => cancelGeneration(client, 'k')],
  ['a decision', 'runcomfyGeneration', (client) => resolveSubmission(client, 'k', { action: 'abandon' })],
  ['a cancel', 'runcomfyPipeline', (client) => cancelPipeline(client, 'k')],
  ['a decision', 'runcomfyPipeline', (client) => decidePipeline(client, 'k', { step: 'pick', decision: 'approve' })],
  ['a cancel', 'runcomfyBatch', (client) => cancelBatch(client, 'k')],
  ['a pause', 'runcomfyBatch', (client) => pauseBatch(client, 'k')],
  ['a seal', 'runcomfyBatch', (client) => sealBatch(client, 'k')],
  ['a release', 'runcomfyBudget', (client) => changeBudget(client, 'k', 'release', release)],
])('%s that is repeated reaches no later run of its key (%s)', async (_what, type, tell) => {
  const { client, heard } = temporalWith(type, [first], { then: again });
  const call = () => tell(client);
  await asOneCall(() => call().catch(call)).catch(() => undefined);
  expect(heard).toEqual(['run 1']);
});

const started = { key: 'k', ...first, attached: true, notices: [] };

it('who found a run tells no later one of the key, and is told how the run that was found ended', async () => {
  const generation = temporalWith('runcomfyGeneration', [first, again]);
  const isRepeated = true;
  const ended = { outcome: 'cancelled', phase: 'cancelled' };
  expect(await createHandle(generation.client, started).cancel('', { isRepeated })).toEqual(ended);
  const pipeline = temporalWith('runcomfyPipeline', [first, continued, again]);
  expect(await createPipelineHandle(pipeline.client, started).cancel({}, { isRepeated })).toMatchObject(ended);
  const batch = temporalWith('runcomfyBatch', [first, again]);
  const handle = createBatchHandle({ client: batch.client, taskQueue: 'runcomfy' }, started);
  expect(await handle.cancel()).toMatchObject({ phase: 'cancelled' });
  await expect(handle.pause()).rejects.toThrow('has ended');
  expect([...generation.heard, ...pipeline.heard, ...batch.heard]).toEqual([]);
});

it.each<[string, Run[], string]>([
  ['and no other of the key', [], 'there is no '],
  ['but a later one of the key', [again], 'nothing is left to cancel: the '],
])('who holds a run that is kept no longer, %s, is told so', async (_what, runs, says) => {
  const clientOf = (noun: string) => temporalWith(`runcomfy${noun}`, runs).client;
  const batch = createBatchHandle({ client: clientOf('Batch'), taskQueue: 'runcomfy' }, started);
  const all = {
    generation: createHandle(clientOf('Generation'), started),
    pipeline: createPipelineHandle(clientOf('Pipeline'), started),
    batch,
  };
  for (const [noun, handle] of Object.entries(all)) {
    const message = expect.stringContaining(`${says}${noun} "k"`) as string;
    await expect(handle.cancel()).rejects.toMatchObject({ type: 'KeyNotFound', message });
  }
  await expect(batch.pause()).rejects.toMatchObject({ type: 'ResolutionRefused' });
});

const order = { model: flux, input: { prompt: 'a cat' } };
const plan = { version: 1, steps: { a: order } };

it.each<[string, Run[]]>([
  ['started a run', []],
  ['attached to a run', [first]],
  ['attached to a run that was continued as new', [first, continued]],
])('who %s tells no later one of the key', async (_what, runs) => {
  const generation = temporalWith('runcomfyGeneration', [...runs], { argument: order });
  const pipeline = temporalWith('runcomfyPipeline', [...runs], { argument: { plan } });
  const handles = [
    await createGenerationClient({ client: generation.client }).start(order, { key: 'k' }),
    await createGenerationClient({ client: pipeline.client }).pipelines.start({ plan }, { key: 'k' }),
  ];
  for (const { runs } of [generation, pipeline]) runs.push(again);
  for (const handle of handles) expect(await handle.cancel()).toMatchObject({ phase: 'cancelled' });
  expect([...generation.heard, ...pipeline.heard]).toEqual([]);
});

it.each([
  ['pipeline', 'runcomfyPipeline', readPipelineState],
  ['batch', 'runcomfyBatch', readBatchState],
])('the state of a %s names the run that it is of, which may be run again meanwhile', async (_noun, type, read) => {
  const { client } = temporalWith(type, [first], { asked: again });
  expect(await read(client, 'k')).toMatchObject({ runId: 'run 1', phase: 'running' });
});

it.each([
  [1, 'TemporalBusy', ['run 1']],
  [2, 'InvalidInput', []],
  ['1', 'InvalidInput', []],
])('of items from %j on that would be refused by now the batch tells whether they are there', async (...row) => {
  const [from, type, told] = row;
  const { client, heard } = temporalWith('runcomfyBatch', [first], { argument: { defaults: { model: kling } } });
  const handle = createBatchHandle({ client, taskQueue: 'runcomfy' }, started);
  const message = { from, items: [{ id: 'b', input: { prompt: 1 } }] } as unknown as BatchAddMessage;
  await expect(handle.add(message)).rejects.toMatchObject({ type });
  expect(heard).toEqual(told);
});

it('a message reaches the run that was continued as new since it was found', async () => {
  const { client, heard } = temporalWith('runcomfyPipeline', [first, continued]);
  await expect(createPipelineHandle(client, started).cancel()).rejects.toThrow();
  // As an update and, Temporal being busy, as a signal.
  expect(heard).toEqual(['run 1b', 'run 1b']);
});
