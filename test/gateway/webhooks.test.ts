import { randomUUID } from 'node:crypto';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { expect, it, onTestFinished } from 'vitest';
import { createApiKey, digestOf } from '../../gateway/access/api-key.ts';
import { parseKeyRecords } from '../../gateway/access/key-records.ts';
import { call, gatewayStack } from '../support/gateway-stack.ts';
import { flux } from '../support/simulator-client.ts';

const stack = gatewayStack();
const webhook = { url: 'https://hooks.example/in?token=t', secret: 'acme' };

function recordOf(id: string, key: string, more: object = {}) {
  const createdAt = '2026-11-26T05:00:00Z';
  return { id, name: 'farm', tenant: 'acme', scopes: ['generate'], sha256: digestOf(key), createdAt, webhook, ...more };
}

it('an API key says where the ends of its orders are told; without secrets at the worker nothing is paid', async () => {
  const { id, key } = createApiKey();
  const gateway = await stack.serve({ RUNCOMFY_GATEWAY_KEYS: JSON.stringify({ keys: [recordOf(id, key)] }) });
  const named = randomUUID();
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const body = { key: named, model: flux, input: { prompt: named } };
  const { status, json } = await call(gateway.url, '/api/v1/generations?wait=60s', {
    method: 'POST',
    headers,
    body,
  });
  expect(status).toBe(201);
  expect(json).toMatchObject({ key: named, failure: { type: 'InvalidInput' } });
  const run = stack.client().workflow.getHandle(`acme/${named}`);
  expect((await run.describe()).memo).toMatchObject({ tenant: 'acme', by: id, via: 'gateway' });
  const { priority } = (await run.describe()).raw.workflowExecutionInfo ?? {};
  expect(priority?.fairnessKey).toBe('acme');
  const shown = await call(gateway.url, `/api/v1/generations/${named}?include=request`, { headers });
  expect(shown.json).toMatchObject({ request: { webhook } });
  expect(
    stack
      .simulator()
      .ledger()
      .jobs.filter(({ input }) => input['prompt'] === named),
  ).toEqual([]);
});

it("an agent's order has its credential's webhook and tenant as any other", async () => {
  const { id, key } = createApiKey();
  const gateway = await stack.serve({ RUNCOMFY_GATEWAY_KEYS: JSON.stringify({ keys: [recordOf(id, key)] }) });
  const headers = { authorization: `Bearer ${key}` };
  const agent = new Client({ name: 'a test', version: '1' });
  await agent.connect(new StreamableHTTPClientTransport(new URL(`${gateway.url}/mcp`), { requestInit: { headers } }));
  onTestFinished(() => agent.close());
  const named = randomUUID();
  const order = { model: flux, input: { prompt: named }, order_name: named };
  await agent.callTool({ name: 'order_generation', arguments: order });
  const { memo, raw } = await stack.client().workflow.getHandle(`acme/${named}`).describe();
  expect([memo?.['tenant'], raw.workflowExecutionInfo?.priority?.fairnessKey]).toEqual(['acme', 'acme']);
  const shown = await call(gateway.url, `/api/v1/generations/${named}?include=request`, { headers });
  expect(shown.json).toMatchObject({ request: { webhook } });
});

it('the webhook of a record is judged as that of an order', () => {
  const { id, key } = createApiKey();
  const parse = (given: object) => parseKeyRecords(JSON.stringify({ keys: [recordOf(id, key, given)] }));
  expect(parse({})).toHaveProperty('records');
  const bad = { url: 'ftp://x', secret: 'whsec_planted', events: [] };
  const parsed = parse({ webhook: bad });
  expect('problems' in parsed && parsed.problems).toHaveLength(3);
  expect(JSON.stringify(parsed)).not.toContain('planted');
});
