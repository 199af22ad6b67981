import type { Client } from '@temporalio/client';
import { expect, it } from 'vitest';
import { GenerationError } from '../../../client/index.ts';
import type { GatewayParts } from '../../../gateway/gateway-parts.ts';
import { startPatiently } from '../../../gateway/generations/start-patiently.ts';
import { flux } from '../../support/simulator-client.ts';

/** A gateway that refuses every webhook by now and has a tenant acme; `isThere`: the order was taken before. */
function gatewayWhere(isThere: boolean) {
  const starts: unknown[] = [];
  const client = { withDeadline: (_: number, call: () => unknown) => call() } as unknown as Client;
  const missing = new GenerationError({ type: 'KeyNotFound', message: 'not there' });
  const parts = {
    client,
    settings: { onUnknownSubmission: 'hold' },
    metrics: { countStart: () => undefined },
    access: { tenants: () => Promise.resolve(['acme']) },
    checkWebhook: () => Promise.resolve([{ path: 'request.webhook.secret', message: 'no secrets are named "gone"' }]),
    reader: {
      read: () => (isThere ? Promise.resolve({}) : Promise.reject(missing)),
      note: () => undefined,
      refresh: () => undefined,
    },
    generations: {
      start: (_: unknown, { key, retry }: { key: string; retry?: string }) => {
        starts.push([key, retry]);
        return Promise.resolve({ key, runId: 'run', attached: true, notices: [] });
      },
    },
  } as unknown as GatewayParts;
  return { parts, starts };
}

const order = { model: flux, input: { prompt: 'a cat' } };
const rows = [
  ['a webhook', 'order-1', { ...order, webhook: { url: 'https://hooks.example', secret: 'gone' } }],
  ['a key', 'ACME/order-1', order],
] as const;

it.each(rows)('an order that was taken is attached to, though %s of it is refused by now', async (_, key, wanted) => {
  const { parts, starts } = gatewayWhere(true);
  const started = await startPatiently(parts, { tenant: '*', scope: 'admin' }, wanted, { key, retry: 'if-unbilled' });
  expect(started).toMatchObject({ attached: true });
  expect(starts).toEqual([[key, undefined]]);
});

it.each(rows)('a new order is refused for %s, and nothing is started', async (_, key, wanted) => {
  const { parts, starts } = gatewayWhere(false);
  const started = startPatiently(parts, { tenant: '*', scope: 'admin' }, wanted, { key, retry: undefined });
  await expect(started).rejects.toMatchObject({ refusal: 'InvalidInput' });
  expect(starts).toEqual([]);
});
