import type { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
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
