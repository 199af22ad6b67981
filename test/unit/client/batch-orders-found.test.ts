import { ApplicationFailure, type Client, WorkflowFailedError } from '@temporalio/client';
import { defaultPayloadConverter, RetryState } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { createItemOrders, type ItemOrderPlace } from '../../../client/batch/item-orders.ts';
import { createPipelineItemOrders } from '../../../client/batch/pipeline-item-orders.ts';
import { batchItemMemoKey } from '../../../domain/names.ts';

const key = 'k/a';
const here = { run: 'run-2', index: 5 };
const order = { model: 'a/b', input: { prompt: 'a cat' } };
const pipeline = { plan: { version: 1, steps: {} }, params: { count: 2 } };

/** Orders of which one stands under the key, with this mark; it has `failed`, or runs. */
function placeWith(
  mark: object | undefined,
  request: object,
  type: string,
  failed?: WorkflowFailedError,
): ItemOrderPlace {
  const memo = mark && { [batchItemMemoKey]: mark };
  const loadedDataConverter = { payloadConverter: defaultPayloadConverter, payloadCodecs: [] };
  const workflow = {
    getHandle: () => ({ describe: () => Promise.resolve({ memo }) }),
    result: () => Promise.reject(failed ?? new Error('it runs')),
  };
  const execution = { workflowId: key, runId: 'r' };
  const started = {
    workflowType: { name: type },
    firstExecutionRunId: 'r',
    input: { payloads: [defaultPayloadConverter.toPayload(request)] },
  };
  const workflowService = {
    describeWorkflowExecution: () =>
      Promise.resolve({ workflowExecutionInfo: { execution, status: failed ? 3 : 1 }, pendingActivities: [] }),
    getWorkflowExecutionHistory: () =>
      Promise.resolve({ history: { events: [{ workflowExecutionStartedEventAttributes: started }] } }),
  };
  const passing = { withDeadline: call, withAbortSignal: call };
  const client = { workflow, workflowService, options: { namespace: 'n', loadedDataConverter }, ...passing };
  return { client: client as unknown as Client, taskQueue: 'q' } as ItemOrderPlace;
}

function call(_: unknown, make: () => unknown): unknown {
  return make();
}

const generationWith = (mark: object | undefined, failed?: WorkflowFailedError) =>
  createItemOrders(placeWith(mark, order, 'runcomfyGeneration', failed));
const pipelineWith = (mark: object | undefined, failed?: WorkflowFailedError) =>
  createPipelineItemOrders(placeWith(mark, pipeline, 'runcomfyPipeline', failed));
const failedAs = (type: string, details: object) =>
  new WorkflowFailedError(
    'failed',
    ApplicationFailure.create({ type, message: 'no', details: [details] }),
    RetryState.NON_RETRYABLE_FAILURE,
  );

describe('what stands under the key of an item', () => {
  it.each([
    ['this place', here, true],
    ['another place', { ...here, index: 2 }, false],
    ['this place of an earlier run', { ...here, run: 'run-1' }, 'before'],
    ['another place of an earlier run', { run: 'run-1', index: 2 }, 'before'],
    ['nobody of the batch', undefined, false],
  ])('and was made for %s is told from what the batch has not made', async (_, mark, made) => {
    expect(await generationWith(mark).wasStarted(key, here)).toBe(made);
    expect(await pipelineWith(mark).wasStarted(key, here)).toBe(made);
  });

  it('is not told as made where it has cost nothing', async () => {
    const mark = { ...here, run: 'run-1' };
    const refused = failedAs('InvalidInput', { submission: 'refused' });
    expect(await generationWith(mark, refused).wasStarted(key, here)).toBe(false);
    const failure = { type: 'InsufficientBalance', message: 'empty', submission: 'refused' };
    const atAWall = failedAs('PipelineFailed', { key, phase: 'failed', steps: {}, costUsd: 0, failure });
    expect(await pipelineWith(mark, atAWall).wasStarted(key, here)).toBe(false);
  });

  it('and was made by an earlier run counts only where it is what the item orders', async () => {
    const mark = { ...here, run: 'run-1' };
    expect(await generationWith(mark).wasStarted(key, here, order)).toBe('before');
    expect(await generationWith(mark).wasStarted(key, here, { ...order, input: { prompt: 'a dog' } })).toBe(false);
    expect(await pipelineWith(mark).wasStarted(key, here, pipeline)).toBe('before');
    expect(await pipelineWith(mark).wasStarted(key, here, { ...pipeline, params: { count: 3 } })).toBe(false);
    expect(await generationWith(here).wasStarted(key, here, { ...order, model: 'c/d' })).toBe(true);
  });
});
