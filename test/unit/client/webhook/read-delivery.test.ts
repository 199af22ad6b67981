import { type Client, WorkflowFailedError } from '@temporalio/client';
import { CancelledFailure, RetryState, TerminatedFailure } from '@temporalio/common';
import { expect, it } from 'vitest';
import { readDelivery } from '../../../../client/webhook/read-delivery.ts';
import type { Delivery, WebhookOrder } from '../../../../domain/webhook/webhook.ts';

const event = 'generation.succeeded';
const known = { event, url: 'https://hooks.example/', webhookId: 'evt_1' } as const;
const attempt = { at: '2026-11-29T05:00:00.000Z', durationMs: 12, httpStatus: 500 };
const order = { ...known, url: `${known.url}?token=x`, body: { type: event } } as unknown as WebhookOrder;
const found = { workflowId: 'k/webhook/x', runId: 'r', isClosed: true, order };

/** Reads a delivery that was ended from outside, of which workers tell this; undefined: none answers. */
async function readEnded(cause: Error, told: Partial<Delivery> | undefined): Promise<Delivery> {
  const answer = () => (told ? Promise.resolve({ ...known, ...told }) : Promise.reject(new Error('no worker')));
  const client = {
    withDeadline: (_: number, ask: () => unknown) => ask(),
    workflow: {
      result: () => Promise.reject(new WorkflowFailedError('ended', cause, RetryState.NON_RETRYABLE_FAILURE)),
      getHandle: () => ({ query: answer }),
    },
  } as unknown as Client;
  return await readDelivery(client, found);
}

it.each([
  ['called back', new CancelledFailure('cancelled')],
  ['terminated', new TerminatedFailure('terminated')],
])('a delivery that was %s has the attempts that were made, and none to come', async (_how, cause) => {
  const nextAttemptAt = '2026-11-29T05:05:00.000Z';
  const waiting: Partial<Delivery> = { state: 'waiting', attempts: [attempt], nextAttemptAt };
  expect(await readEnded(cause, waiting)).toEqual({ ...known, state: 'exhausted', attempts: [attempt] });
  expect(await readEnded(cause, { state: 'delivering', attempts: [] })).toMatchObject({ state: 'exhausted' });
  const refused: Delivery = { ...known, state: 'refused', attempts: [], refusedBecause: 'no secrets' };
  expect(await readEnded(cause, refused)).toEqual(refused);
  expect(await readEnded(cause, undefined)).toEqual({ ...known, state: 'exhausted', attempts: [] });
});
