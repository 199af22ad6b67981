import {
  CancelledFailure,
  type Client,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
} from '@temporalio/client';
import { defaultPayloadConverter, RetryState } from '@temporalio/common';
import { expect, it } from 'vitest';
import { startBatch } from '../../../../../client/batch/starting/start-batch.ts';
import { startGeneration } from '../../../../../client/generation/starting/start-generation.ts';
import { startPipeline } from '../../../../../client/pipeline/start-pipeline.ts';
import { flux, kling } from '../../../../support/simulator-client.ts';

const order = { model: flux, input: { prompt: 'a cat' } };

/** A server that has this already under the key `k`; its descriptions fail unless it says otherwise. */
function serverWith(type: string, request: object, isDescribed = false) {
  const started = {
    workflowType: { name: type },
    input: { payloads: [defaultPayloadConverter.toPayload(request)] },
  };
  const history = { events: [{ workflowExecutionStartedEventAttributes: started }] };
  const loadedDataConverter = { payloadConverter: defaultPayloadConverter, payloadCodecs: [] };
  const execution = { workflowId: 'k', runId: 'run' };
  const workflowExecutionInfo = { execution, type: { name: type }, status: 1, firstRunId: 'run' };
  return {
    options: { namespace: 'default', loadedDataConverter },
    workflowService: {
      getWorkflowExecutionHistory: () => Promise.resolve({ history }),
      describeWorkflowExecution: () =>
        isDescribed
          ? Promise.resolve({ workflowExecutionInfo, pendingActivities: [] })
          : Promise.reject(new Error('away')),
    },
  } as unknown as Client;
}

it('an order that has attached stays so, also where the labels of its run cannot be read', async () => {
  const attached = { key: 'k', runId: 'run', firstRunId: 'run', attached: true, notices: [] };
  const starter = () => Promise.resolve({ runId: 'run', isNew: false });
  const client = serverWith('runcomfyGeneration', order);
  for (const labels of [undefined, { campaign: 'spring' }]) {
    expect(await startGeneration(client, 'runcomfy', order, { key: 'k', labels }, { starter })).toEqual(attached);
  }
});

/** No version of today takes these. */
const refusedByNow = { model: kling, input: { prompt: '' } };
const plan = { version: 1, steps: { only: { ...refusedByNow, input: { prompt: '${{ nothing }}' } } } };
type Looking = (client: Client, attachOnly: boolean) => Promise<{ attached: boolean }>;

it.each<[type: string, request: object, start: Looking]>([
  [
    'runcomfyGeneration',
    refusedByNow,
    (client, attachOnly) => startGeneration(client, 'runcomfy', refusedByNow, { key: 'k', attachOnly }),
  ],
  [
    'runcomfyPipeline',
    { plan },
    (client, attachOnly) => startPipeline(client, 'runcomfy', { plan }, { key: 'k', attachOnly }),
  ],
  [
    'runcomfyBatch',
    { items: [{ id: 'a', ...refusedByNow }] },
    (client, attachOnly) =>
      startBatch(client, 'runcomfy', { items: [{ id: 'a', ...refusedByNow }] }, { key: 'k', attachOnly }),
  ],
])('%s that was taken by another version is found, though this one would refuse it', async (type, request, start) => {
  const client = serverWith(type, request, true);
  await expect(start(client, false)).rejects.toMatchObject({ type: 'InvalidInput' });
  expect(await start(client, true)).toMatchObject({ key: 'k', runId: 'run', attached: true });
});

/** The same where the workflow was cancelled as such, so that its worker alone can tell what came of the order, and is away. */
function serverOfCancelled() {
  const client = serverWith('runcomfyGeneration', order);
  const execution = { workflowId: 'k', runId: 'run' };
  const workflowExecutionInfo = { execution, type: { name: 'runcomfyGeneration' }, status: 4, firstRunId: 'run' };
  const cause = new CancelledFailure('cancelled');
  Object.assign(client.workflowService, {
    describeWorkflowExecution: () => Promise.resolve({ workflowExecutionInfo, pendingActivities: [] }),
    describeTaskQueue: () => Promise.resolve({ pollers: [] }),
  });
  let under: AbortSignal | undefined;
  const unanswered = () =>
    new Promise<never>((_, reject) => {
      under?.addEventListener('abort', () => {
        reject(Object.assign(new Error('left'), { code: 1, details: '', metadata: {} }));
      });
    });
  return Object.assign(client, {
    withAbortSignal: (signal: AbortSignal, call: () => unknown) => {
      under = signal;
      return call();
    },
    withDeadline: (_: number, call: () => unknown) => call(),
    workflow: {
      getHandle: () => ({ query: unanswered }),
      result: () => Promise.reject(new WorkflowFailedError('cancelled', cause, RetryState.NON_RETRYABLE_FAILURE)),
    },
  });
}

it('a retry attaches where no worker can tell whether the last run cost nothing', async () => {
  const starter = () => Promise.reject(new WorkflowExecutionAlreadyStartedError('taken', 'k', 'runcomfyGeneration'));
  const retrying = { key: 'k', retry: 'if-unbilled' } as const;
  expect(await startGeneration(serverOfCancelled(), 'runcomfy', order, retrying, { starter })).toMatchObject({
    key: 'k',
    runId: 'run',
    attached: true,
    notices: [expect.stringContaining('not started again: no worker')],
  });
});
