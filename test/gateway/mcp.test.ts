import { randomUUID } from 'node:crypto';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { describe, expect, it } from 'vitest';
import { createApiKey, digestOf } from '../../gateway/access/api-key.ts';
import { eventually } from '../support/eventually.ts';
import { call, gatewayStack } from '../support/gateway-stack.ts';
import { flux, kling, klingInput } from '../support/simulator-client.ts';
import { onTestFinished } from '../support/test-end.ts';

const stack = gatewayStack();

const jobs = (prompt: string) =>
  stack
    .simulator()
    .ledger()
    .jobs.filter(({ input }) => input['prompt'] === prompt);

/** An agent, by the protocol's own client. */
async function agentOf(url: string, headers: Record<string, string> = {}, mode: 'auto' | 'legacy' = 'auto') {
  const client = new Client({ name: 'a test', version: '1' }, { versionNegotiation: { mode } });
  await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`), { requestInit: { headers } }));
  onTestFinished(() => client.close());
  return {
    client,
    use: async (name: string, args: Record<string, unknown> = {}) => {
      const { isError = false, structuredContent, content } = await client.callTool({ name, arguments: args });
      const blocks = content as { type: string; text?: string; uri?: string }[];
      const data = (structuredContent ?? {}) as Record<string, unknown>;
      return { isError, data, text: blocks[0]?.text ?? '', links: blocks.flatMap(({ uri }) => uri ?? []) };
    },
  };
}

/** A gateway of three tenants, of whom one may read alone, and their headers. */
async function withTenants() {
  // Other files order in the same namespace: no tenant of theirs may be one of these.
  const name = randomUUID().slice(0, 8);
  const made = ['a', 'b', 'c'].map((letter) => ({ tenant: `${letter}-${name}`, ...createApiKey() }));
  const keys = made.map(({ id, key, tenant }) => ({
    id,
    name: 'x',
    tenant,
    scopes: [tenant.startsWith('b-') ? 'read' : 'generate'],
    sha256: digestOf(key),
    createdAt: new Date().toISOString(),
  }));
  const { url } = await stack.serve({ RUNCOMFY_GATEWAY_KEYS: JSON.stringify({ keys }) });
  const [a, b, c] = made.map(({ key }) => ({ authorization: `Bearer ${key}` }));
  return { url, a, b, c };
}

describe('an agent', () => {
  it('finds a model, checks, orders, waits for the files, and lists what it ordered', async () => {
    // Of a tenant of its own: a page of all that the files order in their namespace may be full of others'.
    const { url, a } = await withTenants();
    const { client, use } = await agentOf(url, a);
    expect(client.getNegotiatedProtocolVersion()).toMatch(/^2026/);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name).sort()).toEqual([
      'cancel_generation',
      'check_order',
      'describe_model',
      'find_models',
      'get_generation',
      'list_generations',
      'order_generation',
    ]);
    expect(client.getInstructions()?.length).toBeLessThanOrEqual(800);
    const { data: found } = await use('find_models', { search: 'flux', limit: 3 });
    const named = { name: flux.split('/').slice(1).join(' '), description: expect.any(String) as unknown };
    expect(found['models']).toContainEqual(expect.objectContaining({ model: flux, ...named }));
    expect((await use('describe_model', { model: flux })).data).toMatchObject({ model: flux, required: ['prompt'] });
    const prompt = randomUUID();
    const order = { model: flux, input: { prompt } };
    expect((await use('check_order', order)).data).toMatchObject({ valid: true, issues: [] });
    expect((await use('check_order', { model: flux, input: {} })).data).toMatchObject({ valid: false });
    const clip = { input: { ...klingInput, duration: 10 } };
    const { json } = await call(url, `/api/v1/models/${kling}/check`, { method: 'POST', body: clip, headers: a ?? {} });
    expect((await use('check_order', { model: kling, ...clip })).data).toEqual(json);
    expect(json).toMatchObject({ valid: true, price: { usd: expect.any(Number) as unknown } });
    const ordered = await use('order_generation', { ...order, wait_seconds: 50 });
    expect(ordered.data, ordered.text).toMatchObject({ ordered: true, phase: 'succeeded' });
    expect(ordered.links).toEqual([expect.stringContaining(stack.simulator().url)]);
    const key = String(ordered.data['key']);
    expect((await use('get_generation', { key })).data).toMatchObject({ key, phase: 'succeeded' });
    await eventually(async () => {
      const { data } = await use('list_generations', { limit: 50 });
      expect(data['generations']).toContainEqual(expect.objectContaining({ key, model: flux }));
    });
    expect((await use('cancel_generation', { key })).text).toContain('It had ended already.');
    expect(jobs(prompt)).toHaveLength(1);
  });

  it('that orders again after its client gave up pays once, and is told so', async () => {
    stack.simulator().setFaults([{ fault: 'stuck-running', step: 'submit', model: flux }]);
    onTestFinished(() => {
      stack.simulator().setFaults([]);
    });
    const { client, use } = await agentOf(stack.url(), {}, 'legacy');
    const prompt = randomUUID();
    const args = { model: flux, input: { prompt }, wait_seconds: 50 };
    const leaves = new AbortController();
    const gaveUp = client.callTool({ name: 'order_generation', arguments: args }, { signal: leaves.signal });
    const left = expect(gaveUp).rejects.toThrow();
    await eventually(() => {
      expect(jobs(prompt)).toHaveLength(1);
    });
    leaves.abort();
    await left;
    const again = await use('order_generation', { ...args, wait_seconds: 0 });
    expect(again.data).toMatchObject({ ordered: false });
    expect(again.text).toContain('give another order_name');
    const named = await use('order_generation', { ...args, order_name: randomUUID(), wait_seconds: 0 });
    expect(named.data).toMatchObject({ ordered: true });
    await eventually(() => {
      expect(jobs(prompt)).toHaveLength(2);
    });
  });

  it('is told every problem of an order as an answer of the tool, and nothing is sent', async () => {
    const { use } = await agentOf(stack.url());
    const bad = await use('order_generation', { model: kling, input: { duration: 99, cfg_scale: 7 } });
    expect(bad.isError).toBe(true);
    for (const field of ['$.duration', '$.cfg_scale', 'prompt']) expect(bad.text).toContain(field);
    expect((await use('order_generation', { model: 'a/../b', input: {} })).isError).toBe(true);
    const used = randomUUID();
    const order = (prompt: string) => use('order_generation', { model: flux, input: { prompt }, order_name: used });
    expect((await order(used)).data).toMatchObject({ ordered: true });
    expect(await order('another')).toMatchObject({ isError: true, text: expect.stringContaining('KeyInUse') });
    expect(jobs('another')).toEqual([]);
  });

  it('does what its API key allows, and sees its tenant alone', async () => {
    const { url, a, b, c } = await withTenants();
    const [first, second, third] = [await agentOf(url, a), await agentOf(url, b), await agentOf(url, c)];
    const order = { model: flux, input: { prompt: randomUUID() }, order_name: randomUUID() };
    expect((await first.use('order_generation', order)).data).toMatchObject({ key: order.order_name, ordered: true });
    const refused = await second.use('order_generation', order);
    expect(refused).toMatchObject({ isError: true, text: expect.stringContaining('generate') });
    for (const tool of ['get_generation', 'cancel_generation']) {
      const foreign = await third.use(tool, { key: order.order_name });
      const unknown = await third.use(tool, { key: 'never' });
      expect([foreign.isError, foreign.text]).toEqual([true, unknown.text]);
      expect(foreign.text).toMatch(/^unknown generation: /);
    }
    // Its own generation under the same name, and the other goes on.
    expect((await third.use('order_generation', order)).data).toMatchObject({ ordered: true });
    expect((await third.use('cancel_generation', { key: order.order_name })).isError).toBe(false);
    expect((await first.use('get_generation', { key: order.order_name })).data).not.toHaveProperty('cancel');
    await eventually(async () => {
      const { data } = await first.use('list_generations');
      expect(data['generations']).toEqual([expect.objectContaining({ key: order.order_name })]);
    });
    expect((await second.use('list_generations')).data).toEqual({ generations: [] });
  });
});

describe('the door for agents', () => {
  it.each<[what: string, method: string, headers: Record<string, string>, status: number]>([
    ['a page of another origin that reads', 'GET', { origin: 'https://evil.example' }, 403],
    ['a rebound host name', 'POST', { host: 'evil.example', 'content-type': 'application/json' }, 421],
    ['text', 'POST', { 'content-type': 'text/plain' }, 415],
    ['a session, which there is none of', 'GET', { accept: 'text/event-stream' }, 405],
  ])('refuses %s', async (_what, method, headers, status) => {
    const answer = await call(stack.url(), '/mcp', { method, headers, ...(method === 'POST' && { body: '{}' }) });
    expect([answer.status, answer.headers['x-content-type-options']], answer.text).toEqual([status, 'nosniff']);
  });

  it('asks for a credential where keys are configured', async () => {
    const { url } = await withTenants();
    const answer = await call(url, '/mcp', { method: 'POST', body: { jsonrpc: '2.0', id: 1, method: 'ping' } });
    expect([answer.status, answer.headers['www-authenticate']]).toEqual([401, 'Bearer']);
  });
});
