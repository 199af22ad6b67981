import {
  ApplicationFailure,
  type Client,
  ServiceError,
  WorkflowFailedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
} from '@temporalio/client';
import { defaultPayloadConverter, RetryState } from '@temporalio/common';
import { expect, it, vi } from 'vitest';
import { addToBatch, cancelBatch, pauseBatch, sealBatch } from '../../../client/batch/telling/tell-batch.ts';
import { readBudget } from '../../../client/budget/read-budget.ts';
import { asOneCall } from '../../../client/generation/one-call.ts';
import { grpcCode } from '../../../client/grpc.ts';
import { cancelPipeline, decidePipeline } from '../../../client/pipeline/decide.ts';
import { readPipelineState } from '../../../client/pipeline/read-pipeline-state.ts';
import { nothingCancelled } from '../../../domain/batch/batch.ts';

const busy = new ServiceError('refused', {
  cause: Object.assign(new Error('busy'), { code: grpcCode.resourceExhausted, details: '', metadata: {} }),
});
const gone = new WorkflowNotFoundError('workflow execution already completed', 'k', undefined);

type Step = object | Error | Promise<object>;
const settled = (step: Step) => (step instanceof Error ? Promise.reject(step) : Promise.resolve(step));

interface Told {
  type: 'runcomfyPipeline' | 'runcomfyBatch' | 'runcomfyBudget';
  /** What a worker answers. */
  state?: Step;
  /** Of the run, as Temporal numbers it; 3: failed. */
  status?: number;
  /** What comes of each attempt: it is refused, or taken and then answered so. */
  updates: ({ refused: Error } | { taken: Step })[];
  /** What Temporal keeps of an update that was answered. */
  kept?: Step;
  /** What the workflow has left in its memo; an error: what Temporal says instead once no worker has answered. */
  memo?: object | undefined;
}

/** Bytes stand for JSON that is none. */
const toPayload = (memo: object | undefined) =>
  memo instanceof Uint8Array
    ? { metadata: { encoding: Buffer.from('json/plain') }, data: memo }
    : defaultPayloadConverter.toPayload(memo);

/** Temporal with one workflow, and what it was told. */
function temporalWith({ type, state = { phase: 'cancelled' }, status = 1, updates, kept = gone, memo }: Told) {
  const sent: string[] = [];
  const signals: string[] = [];
  let isAsked = false;
  const failed = () => {
    const details = [{ key: 'k', phase: 'cancelled', cancel: { requestedAt: '', outcome: 'cancelled' } }];
    const cause = ApplicationFailure.create({ type: 'PipelineCancelled', message: 'cancelled', details });
    return Promise.reject(new WorkflowFailedError('failed', cause, RetryState.NON_RETRYABLE_FAILURE));
  };
  const handle = {
    startUpdate: (_: string, { updateId }: { updateId: string }) => {
      sent.push(updateId);
      const next = updates[sent.length - 1] ?? { refused: gone };
      return 'refused' in next ? Promise.reject(next.refused) : Promise.resolve({ result: () => settled(next.taken) });
    },
    getUpdateHandle: (updateId: string) => ({ result: () => settled(updateId === sent[0] ? kept : gone) }),
    query: () => {
      isAsked = true;
      return settled(state);
    },
    signal: (name: string) => Promise.resolve(void signals.push(name)),
  };
  const execution = { workflowId: 'k', runId: 'run' };
  const fields = { [type]: toPayload(memo) };
  const workflowExecutionInfo = { execution, type: { name: type }, status, memo: { fields } };
  const describeWorkflowExecution = () =>
    settled(isAsked && memo instanceof Error ? memo : { workflowExecutionInfo, pendingActivities: [] });
  const client = {
    options: {
      namespace: 'default',
      loadedDataConverter: { payloadConverter: defaultPayloadConverter, payloadCodecs: [] },
    },
    withAbortSignal: (_: AbortSignal, call: () => unknown) => call(),
    withDeadline: (_: number, call: () => unknown) => call(),
    workflow: { getHandle: () => handle, result: failed },
    workflowService: {
      describeWorkflowExecution,
      describeTaskQueue: () => Promise.resolve({ pollers: [] }),
    },
  } as unknown as Client;
  return { client, sent, signals };
}

it('leaves the wish to cancel or to pause for a worker where Temporal is too busy for an update', async () => {
  const refused = { updates: [{ refused: busy }], state: { phase: 'running', steps: [] } };
  const pipeline = temporalWith({ type: 'runcomfyPipeline', ...refused });
  expect(await cancelPipeline(pipeline.client, 'k')).toMatchObject({ outcome: 'unknown' });
  const batch = temporalWith({ type: 'runcomfyBatch', ...refused });
  await expect(cancelBatch(batch.client, 'k')).rejects.toThrow(/being cancelled|no worker/);
  const paused = temporalWith({ type: 'runcomfyBatch', ...refused });
  expect(await pauseBatch(paused.client, 'k')).toEqual({ phase: 'paused' });
  expect([pipeline.signals, batch.signals, paused.signals]).toEqual([['cancel'], ['cancel'], ['pause']]);
});

it('tells a cancel that a worker has taken as such, whatever becomes of its answer', async () => {
  const taken = { updates: [{ taken: busy }], state: { phase: 'stopping', steps: [] } };
  const pipeline = temporalWith({ type: 'runcomfyPipeline', ...taken });
  expect(await cancelPipeline(pipeline.client, 'k')).toEqual({ outcome: 'unknown', phase: 'stopping', steps: [] });
  const batch = temporalWith({ type: 'runcomfyBatch', ...taken });
  await expect(cancelBatch(batch.client, 'k')).rejects.toMatchObject({ type: 'StillRunning' });
  expect([pipeline.signals, batch.signals]).toEqual([[], []]);
});

/** A call that is repeated once. */
const twice = <T>(call: () => Promise<T>) => asOneCall(() => call().catch(call));

it('tells the same again by one update, the answer of which stands though the workflow has ended since', async () => {
  const decision = { step: 'pick', decision: 'approve' } as const;
  const told = { updates: [{ taken: busy }] };
  const batch = temporalWith({ type: 'runcomfyBatch', ...told, kept: { count: 3 } });
  expect(await twice(() => sealBatch(batch.client, 'k'))).toEqual({ count: 3 });
  const pipeline = temporalWith({ type: 'runcomfyPipeline', ...told, kept: { phase: 'running' } });
  expect(await twice(() => decidePipeline(pipeline.client, 'k', decision))).toEqual({ phase: 'running' });
  for (const { sent } of [batch, pipeline]) {
    expect(sent).toHaveLength(2);
    expect(new Set(sent).size).toBe(1);
  }
  const cause = ApplicationFailure.create({ message: 'nothing to decide' });
  const refused = temporalWith({
    type: 'runcomfyPipeline',
    ...told,
    kept: new WorkflowUpdateFailedError('failed', cause),
  });
  await expect(twice(() => decidePipeline(refused.client, 'k', decision))).rejects.toThrow('nothing to decide');

  // Of what was never taken an end is the answer, and another call is another update.
  const late = temporalWith({ type: 'runcomfyBatch', updates: [{ refused: busy }] });
  await expect(twice(() => sealBatch(late.client, 'k'))).rejects.toThrow('has ended');
  const other = temporalWith({ type: 'runcomfyBatch', updates: [{ taken: { count: 1 } }, { taken: { count: 1 } }] });
  for (const _ of ['first', 'second']) await asOneCall(() => sealBatch(other.client, 'k'));
  expect(new Set(other.sent).size).toBe(2);
});

it('does not call a cancel too late that was heard at the first try', async () => {
  const ended = { phase: 'cancelled', cancel: { requestedAt: '', outcome: 'not_cancellable' } };
  const told: Told = { type: 'runcomfyPipeline', state: ended, updates: [{ refused: busy }] };
  const { client } = temporalWith(told);
  const lost = async () => {
    await cancelPipeline(client, 'k');
    throw busy;
  };
  const outcome = await asOneCall(() => lost().catch(() => cancelPipeline(client, 'k')));
  expect(outcome).toMatchObject({ outcome: 'not_cancellable', phase: 'cancelled' });
  expect(await cancelPipeline(client, 'k')).toMatchObject({ outcome: 'too_late' });
  expect(await cancelPipeline(client, 'k', {}, { isRepeated: true })).toMatchObject({ outcome: 'not_cancellable' });
});

it.each([
  [undefined, 'too_late'],
  [{ requestedAt: '' }, 'unknown'],
  [{ requestedAt: '', outcome: 'cancelled' }, 'cancelled'],
])(
  'tells what became of the first cancel while an ended pipeline still answers who asked: %o',
  async (cancel, told) => {
    const answer = { outcome: 'too_late', phase: 'cancelled', steps: [] };
    const state = { phase: 'cancelled', steps: [], ...(cancel && { cancel }) };
    const { client } = temporalWith({
      type: 'runcomfyPipeline',
      state,
      updates: [{ taken: answer }, { taken: answer }],
    });
    expect(await cancelPipeline(client, 'k', {}, { isRepeated: true })).toEqual({ ...answer, outcome: told });
    expect(await cancelPipeline(client, 'k')).toEqual(answer);
  },
);

const unanswered = new ServiceError('too late', {
  cause: Object.assign(new Error('late'), { code: grpcCode.deadlineExceeded, details: '', metadata: {} }),
});

it('tells what became of the first cancel also where no worker answers after the end', async () => {
  const { client } = temporalWith({ type: 'runcomfyPipeline', state: unanswered, status: 3, updates: [] });
  const told = await cancelPipeline(client, 'k', {}, { stateTimeoutMs: 1, isRepeated: true });
  expect(told).toEqual({ outcome: 'cancelled', phase: 'failed', steps: [] });
  expect(await cancelPipeline(client, 'k')).toMatchObject({ outcome: 'too_late' });
});

it.each([
  ['of the cancel before', { ...nothingCancelled, notCancellable: 2 }],
  ['that nothing was left', undefined],
])('tells whoever cancels a batch that has ended %s', async (_what, outcome) => {
  const state = { phase: 'cancelled', ...(outcome && { cancel: { requestedAt: '', outcome } }) };
  const { client } = temporalWith({ type: 'runcomfyBatch', state, status: 2, updates: [] });
  expect(await cancelBatch(client, 'k')).toEqual({ outcome: outcome ?? nothingCancelled, phase: 'cancelled' });
});

it.each([
  [
    'the outcome',
    { phase: 'cancelled', cancel: { requestedAt: '', outcome: { ...nothingCancelled, neverStarted: 3 } } },
  ],
  ['that there was none', { phase: 'partial' }],
])('tells whoever cancels a batch that has ended %s by its memo where no worker answers', async (_what, memo) => {
  const { client } = temporalWith({ type: 'runcomfyBatch', state: unanswered, status: 2, updates: [], memo });
  const { phase, cancel } = { cancel: undefined, ...memo };
  expect(await cancelBatch(client, 'k')).toEqual({ outcome: cancel?.outcome ?? nothingCancelled, phase });
});

it.each([{ phase: 'cancelled' }, { phase: 'cancelling', cancel: { requestedAt: '' } }, undefined])(
  'does not tell a cancel the outcome of which neither a worker nor the memo %o tells as nothing',
  async (memo) => {
    const { client } = temporalWith({ type: 'runcomfyBatch', state: unanswered, status: 5, updates: [], memo });
    await expect(cancelBatch(client, 'k')).rejects.toMatchObject({ type: 'NoWorker' });
  },
);

it('calls what keeps Temporal from telling the memo by its name, and no absence of workers', async () => {
  const told = { state: unanswered, status: 2, updates: [] };
  for (const memo of [busy, Buffer.from('no JSON')]) {
    const isBusy = memo === busy;
    const batch = temporalWith({ type: 'runcomfyBatch', ...told, memo });
    await expect(cancelBatch(batch.client, 'k')).rejects.toMatchObject(isBusy ? busy : { type: 'NoWorker' });
    const { client } = temporalWith({ type: 'runcomfyPipeline', ...told, memo });
    const read = readPipelineState(client, 'k').catch((error: unknown) => error);
    expect(await read).toEqual(isBusy ? busy : expect.objectContaining({ phase: 'partial' }));
    const budget = temporalWith({ type: 'runcomfyBudget', ...told, status: 1, memo });
    await expect(readBudget(budget.client, 'acme')).rejects.toMatchObject(isBusy ? busy : { type: 'NoWorker' });
  }
});

it('adds again by itself what a batch has no room for now, until whoever adds leaves', async () => {
  const failure = (type: string) => {
    const cause = ApplicationFailure.create({ type, message: 'send the same again in a moment' });
    return { refused: new WorkflowUpdateFailedError('refused', cause) };
  };
  const full = failure('ServiceUnavailable');
  const message = { from: 0, items: [{ id: 'a' }] };
  const batch = temporalWith({ type: 'runcomfyBatch', updates: [full, full, { taken: { count: 1 } }] });
  expect(await addToBatch(batch.client, 'k', message)).toEqual({ count: 1 });
  expect(batch.sent).toHaveLength(3);
  const left = temporalWith({ type: 'runcomfyBatch', updates: [full, full, full, full] });
  const reason = new Error('left');
  const over = new AbortController();
  const adding = addToBatch(left.client, 'k', message, { over: over.signal });
  setTimeout(() => {
    over.abort(reason);
  }, 50);
  await expect(adding).rejects.toBe(reason);
  const misplaced = temporalWith({ type: 'runcomfyBatch', updates: [failure('InvalidInput'), full] });
  await expect(addToBatch(misplaced.client, 'k', message)).rejects.toMatchObject({ type: 'InvalidInput' });
  expect(misplaced.sent).toHaveLength(1);
});

function pending() {
  let resolve: (answer: object) => void = () => undefined;
  const promise = new Promise<object>((settle) => (resolve = settle));
  return { promise, resolve };
}

it('tells a batch of large items one message after the other, also where whoever waited has left', async () => {
  const answers = [pending(), pending()] as const;
  const { client, sent } = temporalWith({
    type: 'runcomfyBatch',
    updates: [{ taken: answers[0].promise }, { taken: answers[1].promise }, { taken: { count: 0 } }],
  });
  const small = { from: 0, items: [{ id: 'a' }] };
  const large = { from: 0, items: [{ id: 'a', input: { prompt: 'x'.repeat(256 * 1024) } }] };
  const over = new AbortController();
  const first = addToBatch(client, 'k', large);
  const left = addToBatch(client, 'k', large, { over: over.signal });
  const last = addToBatch(client, 'k', large);
  await vi.waitFor(() => {
    expect(sent).toHaveLength(1);
  });
  over.abort(new Error('left'));
  await expect(left).rejects.toThrow('left');
  const unhurried = addToBatch(client, 'k', small);
  await vi.waitFor(() => {
    expect(sent).toHaveLength(2);
  });
  answers[1].resolve({ count: 2 });
  expect(await unhurried).toEqual({ count: 2 });
  expect(sent).toHaveLength(2);
  answers[0].resolve({ count: 1 });
  expect(await first).toEqual({ count: 1 });
  expect(await last).toEqual({ count: 0 });
  // What waits at the server for a worker is not there twice.
  expect(sent[2]).toBe(sent[0]);
});
