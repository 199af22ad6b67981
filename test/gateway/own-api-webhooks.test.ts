import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { deliveryList } from '../../gateway/contract/webhook.ts';
import { serveCallers } from '../support/gateway-keys.ts';
import { gatewayStack } from '../support/gateway-stack.ts';
import { flux } from '../support/simulator-client.ts';

const stack = gatewayStack();

it("tells of a tenant's own deliveries alone, and of none where no webhook was named", async () => {
  const { owner, reader, stranger } = await serveCallers(stack, {
    owner: { tenant: 'hooks' },
    reader: { tenant: 'hooks', scopes: ['read'] },
    stranger: { tenant: 'no-hooks' },
  });
  const key = randomUUID();
  const body = { key, model: flux, input: { prompt: key } };
  expect((await owner.post('/api/v1/generations?wait=60', body)).status).toBe(201);
  const target = (of: string) => `/api/v1/generations/${encodeURIComponent(of)}/webhooks`;
  const told = await reader.get(target(key));
  expect(deliveryList.strict().parse(told.json)).toEqual({ deliveries: [] });
  expect(await reader.post(`${target(key)}/generation.succeeded/replay`)).toMatchObject({ status: 403 });
  expect(await owner.post(`${target(key)}/generation.done/replay`)).toMatchObject({
    status: 422,
    json: { name: 'InvalidInput' },
  });
  const never = await owner.post(`${target(key)}/generation.succeeded/replay`);
  expect(never).toMatchObject({ status: 404, json: { name: 'KeyNotFound' } });
  for (const guess of [key, `${owner.tenant}/${key}`, randomUUID()]) {
    const answers = [
      await stranger.get(target(guess)),
      await stranger.post(`${target(guess)}/generation.succeeded/replay`),
    ];
    for (const { status, json } of answers) {
      expect([status, json['detail']], guess).toEqual([404, never.json['detail']]);
    }
  }
});
