import type { Client } from '@temporalio/client';
import { defaultPayloadConverter, type PayloadCodec } from '@temporalio/common';
import { expect, it } from 'vitest';
import { locateSpooled } from '../../../../worker/history/locate-chain.ts';

const requestId = '11111111-2222-4333-8444-555555555555';
const payloads = (value: unknown) => ({ payloads: [defaultPayloadConverter.toPayload(value)] });

it('reads what activities and messages have told of a request id as what belongs to them', async () => {
  const codec = (type: 'activity' | 'workflow'): PayloadCodec => ({
    encode: (encoded) => Promise.resolve(encoded),
    decode: (encoded, context) => {
      const isOwn = context?.type === type && context.workflowId === 'k' && context.namespace === 'default';
      if (isOwn && (context.type === 'workflow' || context.activityId === '7')) return Promise.resolve(encoded);
      return Promise.reject(new Error('bound to another owner'));
    },
  });
  const ofActivity = [
    { eventId: 5, activityTaskScheduledEventAttributes: { activityId: '7' } },
    { eventId: 7, activityTaskCompletedEventAttributes: { scheduledEventId: 5, result: payloads({ requestId }) } },
  ];
  const ofWorkflow = [{ eventId: 5, workflowExecutionSignaledEventAttributes: { input: payloads({ requestId }) } }];
  const place = (events: object[], codecs: PayloadCodec[]) => {
    const run = { execution: { workflowId: 'k', runId: 'r' }, firstRunId: 'r', status: 5 };
    const loadedDataConverter = { payloadConverter: defaultPayloadConverter, payloadCodecs: codecs };
    const client = {
      options: { namespace: 'default', loadedDataConverter },
      workflow: { getHandle: () => ({ fetchHistory: () => Promise.resolve({ events }) }) },
      workflowService: {
        describeWorkflowExecution: () => Promise.resolve({ workflowExecutionInfo: run, pendingActivities: [] }),
      },
    } as unknown as Client;
    const entry = { workflowId: 'k', firstExecutionRunId: 'r', requestId } as Parameters<typeof locateSpooled>[1];
    return locateSpooled(client, entry, { namespace: 'default', namespaceId: 'n' });
  };
  expect(await place(ofActivity, [codec('activity')])).toEqual({ kind: 'known' });
  expect(await place(ofWorkflow, [codec('workflow')])).toEqual({ kind: 'known' });
});
