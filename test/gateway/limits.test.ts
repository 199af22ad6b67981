import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createApiKey, digestOf } from '../../gateway/access/api-key.ts';
import { commandInProcess } from '../support/command-in-process.ts';
import { eventually } from '../support/eventually.ts';
import { call, gatewayStack, untilOver } from '../support/gateway-stack.ts';
import { flux } from '../support/simulator-client.ts';
import { onTestFinished } from '../support/test-end.ts';

const stack = gatewayStack({ profiles: { '*': { queueMs: 600_000, runMs: 100 } } });

/** A gateway whose one API key stands in a variable, and the header that shows it. */
async function withKey(fields: object = {}, env: NodeJS.ProcessEnv = {}) {
  const { id, key } = createApiKey();
  const record = { id, name: 'x', tenant: '*', scopes: ['generate'], sha256: digestOf(key), ...fields };
  const keys = JSON.stringify({ keys: [{ ...record, createdAt: new Date().toISOString() }] });
  const { url } = await stack.serve({ RUNCOMFY_GATEWAY_KEYS: keys, ...env });
  return { url, keys, headers: { authorization: `Bearer ${key}` } };
}

const jobs = (prompt: string) =>
  stack
    .simulator()
    .ledger()
    .jobs.filter(({ input }) => input['prompt'] === prompt);

describe('an API key of a variable', () => {
  it('orders so many times a minute; one more is told when to come again, and reads go on', async () => {
    const { url, headers } = await withKey({ startsPerMinute: 2 });
    const prompt = randomUUID();
    const order = () => call(url, `/v1/models/${flux}`, { method: 'POST', headers, body: { prompt } });
    const [first, second, third] = [await order(), await order(), await order()];
    expect(first).toMatchObject({ status: 200, headers: { 'ratelimit-limit': '2', 'ratelimit-remaining': '1' } });
    expect(second).toMatchObject({ status: 200, headers: { 'ratelimit-remaining': '0' } });
    expect(third).toMatchObject({ status: 429, json: { error_code: 429001 } });
    expect(Number(third.headers['retry-after'])).toBeGreaterThan(0);
    expect(Number(third.headers['retry-after'])).toBeLessThanOrEqual(60);
    const own = { method: 'POST', headers, body: { model: flux, input: { prompt } } };
    expect(await call(url, '/api/v1/generations', own)).toMatchObject({
      status: 429,
      json: { name: 'TooManyRequests', retryAfterS: expect.any(Number) },
    });
    const id = String(first.json['request_id']);
    expect(await call(url, `/v1/requests/${id}/status`, { headers })).toMatchObject({ status: 200 });
    await eventually(() => {
      expect(jobs(prompt)).toHaveLength(2);
    });
  });

  it('has reads beyond its limit held, never refused; orders are', async () => {
    const { url, headers } = await withKey({ requestsPerMinute: 2 });
    const read = (signal?: AbortSignal) => fetch(`${url}/v1/models`, { headers, signal: signal ?? null });
    expect([(await read()).status, (await read()).status]).toEqual([200, 200]);
    const order = await call(url, `/v1/models/${flux}`, { method: 'POST', headers, body: { prompt: 'x' } });
    expect(order).toMatchObject({ status: 429, json: { error_code: 429001 } });
    const leaves = new AbortController();
    const held = read(leaves.signal).then(
      ({ status }) => status,
      () => 'held until its client left',
    );
    const others = await call(url, '/healthz');
    expect(others.status).toBe(200);
    leaves.abort();
    expect(await held).toBe('held until its client left');
  });

  it('makes equal orders without a key one within its window, and starts anew what cost nothing', async () => {
    const { url, headers } = await withKey({ dedupe: { windowMs: 600_000 } });
    const prompt = randomUUID();
    const order = (body: object) => call(url, `/v1/models/${flux}`, { method: 'POST', headers, body });
    const first = await order({ prompt, width: 512 });
    const again = await order({ width: 512, prompt });
    expect(again.json).toEqual(first.json);
    expect(first.headers['idempotent-replayed']).toBeUndefined();
    expect(again.headers).toMatchObject({
      'idempotent-replayed': 'true',
      'runcomfy-temporal-notice': 'deduplicated by body',
    });
    const other = await order({ prompt, width: 768 });
    expect(other.json['request_id']).not.toBe(first.json['request_id']);
    await eventually(() => {
      expect(jobs(prompt)).toHaveLength(2);
    });
  });

  it('has an order without a key started anew where it cost nothing', async () => {
    const { url, headers } = await withKey({ dedupe: { windowMs: 600_000 } });
    const model = 'ideogram-ai/ideogram-v4/text-to-image';
    stack.simulator().setFaults([{ fault: 'error-code-200', step: 'submit', model, times: 1 }]);
    const prompt = randomUUID();
    const order = () => call(url, `/v1/models/${model}`, { method: 'POST', headers, body: { prompt } });
    const id = String((await order()).json['request_id']);
    await eventually(async () => {
      const { json } = await call(url, `/v1/requests/${id}/status`, { headers });
      expect(json['status']).toBe('completed');
    });
    const again = await order();
    expect(again).toMatchObject({ status: 200, json: { request_id: id } });
    expect(again.headers['idempotent-replayed']).toBeUndefined();
    await eventually(() => {
      expect(jobs(prompt)).toHaveLength(1);
    });
  });

  it('is refused beside a file, and with every problem of it', async () => {
    const { keys } = await withKey();
    const env = Object.fromEntries(Object.entries(stack.environment()).map(([name, value]) => [name, value ?? '']));
    const start = (more: Record<string, string>) => commandInProcess(['gateway', '--port', '0'], { ...env, ...more });
    const both = await start({ RUNCOMFY_GATEWAY_KEYS: keys, RUNCOMFY_GATEWAY_KEYS_FILE: '/nowhere' });
    expect([both.exitCode, both.stderr + both.stdout]).toEqual([78, expect.stringContaining('are both set')]);
    const bad = await start({ RUNCOMFY_GATEWAY_KEYS: '{"keys":[{"id":"x","startsPerMinute":0}]}' });
    expect(bad.exitCode).toBe(78);
    for (const name of ['id', 'tenant', 'startsPerMinute']) expect(bad.stderr + bad.stdout).toContain(name);
  });
});

describe('behind a proxy that is trusted', () => {
  it('each caller has an address of its own, and the host and scheme that it used', async () => {
    const { url, headers } = await withKey(
      {},
      {
        RUNCOMFY_GATEWAY_TRUST_PROXY: '127.0.0.1',
        RUNCOMFY_GATEWAY_ALLOWED_HOSTS: 'media.example.com',
      },
    );
    const from = (address: string, more: Record<string, string>) =>
      call(url, '/v1/models', { headers: { 'x-forwarded-for': address, ...more } });
    const wrong = { authorization: `Bearer ${createApiKey().key}` };
    for (let at = 0; at < 20; at += 1) expect((await from('192.0.2.1', wrong)).status).toBe(401);
    expect((await from('192.0.2.1', headers)).status).toBe(429);
    expect((await from('192.0.2.2', headers)).status).toBe(200);
    const forwarded = { ...headers, 'x-forwarded-host': 'media.example.com', 'x-forwarded-proto': 'https' };
    const body = { prompt: randomUUID() };
    const order = await call(url, `/v1/models/${flux}`, { method: 'POST', headers: forwarded, body });
    expect(order.json['status_url']).toMatch(/^https:\/\/media\.example\.com\/v1\/requests\//);
    const evil = await call(url, '/v1/models', { headers: { ...headers, 'x-forwarded-host': 'evil.example' } });
    expect(evil.status).toBe(421);
  });

  it('and of one that is not, what it says does not count', async () => {
    const { url, headers } = await withKey();
    const forwarded = { ...headers, 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' };
    const body = { prompt: randomUUID() };
    const order = await call(url, `/v1/models/${flux}`, { method: 'POST', headers: forwarded, body });
    expect(order.json['status_url']).toContain(`${url}/v1/requests/`);
  });
});

describe('an origin that is allowed', () => {
  const page = 'https://page.example.com';

  it('may call from its pages, and no other may', async () => {
    const { url, headers } = await withKey({}, { RUNCOMFY_GATEWAY_CORS_ORIGINS: page });
    const asked = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' };
    const preflight = (origin: string) =>
      call(url, `/v1/models/${flux}`, { method: 'OPTIONS', headers: { origin, ...asked } });
    const allowed = await preflight(page);
    expect(allowed).toMatchObject({
      status: 204,
      headers: { 'access-control-allow-origin': page, 'access-control-allow-headers': 'authorization' },
    });
    const refused = await preflight('https://evil.example');
    expect([refused.status, refused.headers['access-control-allow-origin']]).toEqual([403, undefined]);
    const body = { prompt: randomUUID() };
    const order = (origin: string) =>
      call(url, `/v1/models/${flux}`, {
        method: 'POST',
        body,
        headers: { ...headers, origin, 'sec-fetch-site': 'cross-site' },
      });
    expect(await order(page)).toMatchObject({ status: 200, headers: { 'access-control-allow-origin': page } });
    expect(await order('https://evil.example')).toMatchObject({ status: 403, json: { error_code: 403004 } });
  });
});

describe('an order that waits for an early refusal', () => {
  const [refused, taken] = ['wan-ai/wan-2.7/text-to-image', 'google/nano-banana-2/text-to-image'];

  it.each<[what: string, prepare: () => void, status: number, code: number]>([
    [
      'an empty wallet',
      () => {
        stack.simulator().setBalance('sim-gateway', 0);
      },
      402,
      402001,
    ],
    [
      'a token that RunComfy refuses',
      () => {
        stack.simulator().setFaults([{ fault: 'error-code-200', step: 'submit', model: refused, times: 1 }]);
      },
      502,
      502001,
    ],
  ])('is told: %s', async (_what, prepare, status, code) => {
    const { url } = await stack.serve({ RUNCOMFY_GATEWAY_SUBMIT_GRACE_MS: '30000' });
    prepare();
    onTestFinished(() => {
      stack.simulator().setBalance('sim-gateway', 10_000);
    });
    const headers = { 'idempotency-key': randomUUID() };
    const prompt = headers['idempotency-key'];
    const order = () => call(url, `/v1/models/${refused}`, { method: 'POST', headers, body: { prompt } });
    const answer = await order();
    expect([answer.status, answer.json['error_code'], answer.headers['runcomfy-temporal-key']]).toEqual([
      status,
      code,
      headers['idempotency-key'],
    ]);
    expect(await order()).toMatchObject({ status, headers: { 'idempotent-replayed': 'true' } });
    const { result } = await untilOver(url, prompt);
    const error = expect.stringMatching(code === 402001 ? /^InsufficientBalance: / : /^Unauthenticated: /);
    expect(result.json).toMatchObject({ status: 'failed', error });
    expect(result.json['error']).toMatch(/; nothing was billed\.$/);
    expect(jobs(prompt)).toEqual([]);
  });

  it('is answered as usual where none comes in time', async () => {
    const { url } = await stack.serve({ RUNCOMFY_GATEWAY_SUBMIT_GRACE_MS: '200' });
    const body = { prompt: randomUUID() };
    expect(await call(url, `/v1/models/${taken}`, { method: 'POST', body })).toMatchObject({ status: 200 });
  });
});
