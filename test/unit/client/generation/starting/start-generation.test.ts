import type { Client } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { expect, it } from 'vitest';
import { startGeneration } from '../../../../../client/generation/starting/start-generation.ts';
import { generationWorkflowType } from '../../../../../domain/names.ts';
import { flux } from '../../../../support/simulator-client.ts';

const order = { model: flux, input: { prompt: 'a cat' } };

/** A server that has such a generation already, and whose descriptions fail. */
function attachedBlindly() {
  const started = {
    workflowType: { name: generationWorkflowType },
    input: { payloads: [defaultPayloadConverter.toPayload(order)] },
  };
  const history = { events: [{ workflowExecutionStartedEventAttributes: started }] };
  const loadedDataConverter = { payloadConverter: defaultPayloadConverter, payloadCodecs: [] };
  const client = {
    options: { namespace: 'default', loadedDataConverter },
    workflowService: {
      getWorkflowExecutionHistory: () => Promise.resolve({ history }),
      describeWorkflowExecution: () => Promise.reject(new Error('away')),
    },
  } as unknown as Client;
  const starter = () => Promise.resolve({ runId: 'run', isNew: false });
  return (labels?: Record<string, string>) =>
    startGeneration(client, 'runcomfy', order, { key: 'k', labels }, { starter });
}

it('an order that has attached stays so, also where the labels of its run cannot be read', async () => {
  const attached = { key: 'k', runId: 'run', firstRunId: 'run', attached: true, notices: [] };
  expect(await attachedBlindly()()).toEqual(attached);
  expect(await attachedBlindly()({ campaign: 'spring' })).toEqual(attached);
});
