import { once } from 'node:events';
import { syncBuiltinESMExports } from 'node:module';
import { type AddressInfo, connect } from 'node:net';
import timers from 'node:timers/promises';
import { Client as Agent, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { Client } from '@temporalio/client';
import pino from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { GenerationError } from '../../../client/index.ts';
import { anonymousAccess } from '../../../gateway/access/access.ts';
import type { Principal } from '../../../gateway/access/principal.ts';
import { createGateway } from '../../../gateway/create-gateway.ts';
import type { GatewayParts } from '../../../gateway/gateway-parts.ts';
import { originOf } from '../../../gateway/http/guards.ts';
import { createGatewayMetrics } from '../../../gateway/metrics/gateway-metrics.ts';
import { serveGateway } from '../../../gateway/serve-gateway.ts';
import { eventually } from '../../support/eventually.ts';
import { call } from '../../support/gateway-stack.ts';
import { hangMs } from '../../support/patience.ts';
import { flux } from '../../support/simulator-client.ts';

const longMs = 10_000;
const drainMs = 15_000;
const excessMs = 2_000;

const { setTimeout: realSleep } = timers;
let longPauses = 0;
let longestMs = 0;
let excessPauses = 0;
let connections = 0;

/** A long pause ends by its signal alone, that of a drain never, one of a call too many to be held at once. */
const sleep: typeof realSleep = async (ms, value, options) => {
  if (ms === excessMs) excessPauses += 1;
  if (ms === excessMs) return realSleep(0, value, options);
  if (ms === drainMs) longPauses += 1;
  if (ms === drainMs) return new Promise(() => undefined);
  const signal = options?.signal;
  if (ms === undefined || ms < longMs || !signal || signal.aborted) return realSleep(ms, value, options);
  longPauses += 1;
  longestMs = Math.max(longestMs, ms);
  await once(signal, 'abort');
  throw signal.reason;
};

// Modules are loaded once for all files: this holds in those that are there already, and nowhere once the test is over.
const sleepBy = (one: typeof realSleep) => {
  Object.assign(timers, { setTimeout: one });
  syncBuiltinESMExports();
};
beforeEach(() => {
  [longPauses, longestMs, excessPauses] = [0, 0, 0];
  sleepBy(sleep);
});
afterEach(() => {
  sleepBy(realSleep);
});

/** A gateway of whose generations nothing is heard until it stops; `waiting` counts who waits, and `take` ends a slow start. */
async function silentGateway(
  principal: Principal,
  { settings, ...more }: { settings?: object; isDraining?: () => boolean } = {},
) {
  const waiting: string[] = [];
  const untilStopped = async (what: string, signal: AbortSignal) => {
    waiting.push(what);
    if (!signal.aborted) await once(signal, 'abort');
  };
  const slow = new AbortController();
  const brief = { phase: 'in_queue', runId: 'r', model: flux, startedAt: '2026-11-27T00:00:00.000Z' };
  const seen = { ...brief, state: { phase: 'in_queue', model: flux } };
  const handle = {
    runId: 'r',
    attached: false,
    notices: [],
    cancel: async (_: unknown, { isRepeated, signal }: { isRepeated?: boolean; signal: AbortSignal }) => {
      await untilStopped(isRepeated ? 'cancel that may be repeated' : 'cancel', signal);
      return { outcome: 'unknown', phase: 'in_queue' };
    },
    result: async ({ signal }: { signal: AbortSignal }) => {
      await untilStopped('early refusal', signal);
      throw new GenerationError({ type: 'StillRunning', message: 'not waited for any more' });
    },
  };
  const parts = {
    client: { withDeadline: (_: number, ask: () => unknown) => ask() } as unknown as Client,
    access: { ...anonymousAccess, authenticate: () => Promise.resolve(principal) },
    settings: { host: '127.0.0.1', onUnknownSubmission: 'hold', submitGraceMs: hangMs, ...settings },
    metrics: createGatewayMetrics(),
    log: pino({ level: 'silent' }),
    originOf,
    isDraining: () => false,
    ...more,
    catalogue: {
      check: () => Promise.resolve({ issues: [], warnings: [] }),
      models: () => Promise.resolve('{}'),
    },
    watchers: {
      generations: {
        async *follow(key: string, signal: AbortSignal) {
          await untilStopped('agent', signal);
          yield { ...seen, key };
        },
      },
    },
    reader: {
      read: (key: string) => Promise.resolve({ ...seen, key }),
      note: () => undefined,
      refresh: () => undefined,
    },
    generations: {
      get: (key: string) => Promise.resolve({ ...handle, key }),
      start: async (_: unknown, { key }: { key: string }) => {
        if (key === 'slow') await untilStopped('start', slow.signal);
        return { ...handle, key };
      },
      pipelines: { get: (key: string) => Promise.resolve({ ...handle, key }) },
    },
  } as unknown as GatewayParts;
  const app = await createGateway(parts, () => Promise.resolve({ ready: true }));
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const take = () => {
    slow.abort();
  };
  return { app, url: `http://127.0.0.1:${String(port)}`, waiting, take };
}

it('answers whoever waits for a cancel or an early refusal as it stops, and says what is not known', async () => {
  const { app, url, waiting } = await silentGateway({ tenant: '*', scope: 'admin' });
  const post = { method: 'POST', body: {} };
  const answers = [
    call(url, '/v1/requests/k/cancel', { method: 'POST' }),
    call(url, '/api/v1/generations/k/cancel', post),
    call(url, '/api/v1/pipelines/k/cancel', post),
    call(url, `/v1/models/${flux}`, { method: 'POST', body: { prompt: 'x' }, headers: { 'idempotency-key': 'k' } }),
  ] as const;
  await eventually(() => {
    const cancels = Array.from({ length: 3 }, () => 'cancel that may be repeated');
    expect(waiting.toSorted()).toEqual([...cancels, 'early refusal']);
  });
  const closed = app.close();
  const [unclear, generation, pipeline, order] = await Promise.all(answers);
  expect(unclear).toMatchObject({ status: 504, headers: { 'retry-after': '5' } });
  expect(unclear.json).toEqual({
    request_id: 'k',
    status: 'in_queue',
    outcome: 'unknown',
    error_code: 504001,
    error_message: expect.stringContaining('repeat this call'),
  });
  expect(generation).toMatchObject({ status: 202, json: { outcome: 'unknown' } });
  expect(pipeline).toMatchObject({ status: 202, json: { outcome: 'unknown' } });
  expect(order).toMatchObject({ status: 200, json: { request_id: 'k' } });
  await closed;
});

it.each([
  ['2025', 'legacy'],
  ['2026', { pin: '2026-07-28' }],
] as const)('answers all calls of agents of %s as it stops, an order under way as well', async (_year, mode) => {
  const { app, url, waiting, take } = await silentGateway({ tenant: '*', scope: 'admin' });
  const agent = new Agent({ name: 'a test', version: '1' }, { versionNegotiation: { mode } });
  await agent.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`)));
  const listening = mode === 'legacy' ? undefined : await agent.listen({ toolsListChanged: true });
  const order = (name: string) => {
    const args = { model: flux, input: { prompt: 'x' }, order_name: name, wait_seconds: 50 };
    return agent.callTool({ name: 'order_generation', arguments: args });
  };
  const [quick, late] = [order('quick'), order('slow')];
  await eventually(() => {
    expect(waiting.toSorted()).toEqual(['agent', 'start']);
  });
  const closed = app.close();
  const told = { ordered: true, phase: 'in_queue' };
  expect(await quick).toMatchObject({ structuredContent: { key: 'quick', ...told } });
  take();
  expect(await late).toMatchObject({ structuredContent: { key: 'slow', ...told } });
  await listening?.closed;
  await agent.close();
  app.server.closeAllConnections();
  await closed;
});

it('has the headers of all its replies on those to agents, and says who issues tokens where somebody does', async () => {
  const draining = { settings: { oidc: { issuer: 'https://login.example' } }, isDraining: () => true } as const;
  const { app, url } = await silentGateway({ tenant: '*', scope: 'admin' }, draining);
  const list = {
    body: { jsonrpc: '2.0', id: 1, method: 'tools/list' },
    headers: { accept: 'application/json, text/event-stream' },
  };
  expect((await call(url, '/mcp', { method: 'POST', ...list })).headers).toMatchObject({
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    connection: 'close',
  });
  const place = '/.well-known/oauth-protected-resource/mcp';
  const about = await call(url, place);
  const expected = { resource: `${url}/mcp`, authorization_servers: ['https://login.example'] };
  expect(about).toMatchObject({ status: 200, json: { ...expected, bearer_methods_supported: ['header'] } });
  await app.close();
  const { app: other, url: without } = await silentGateway({ tenant: '*', scope: 'admin' });
  expect((await call(without, place)).status).toBe(404);
  await other.close();
});

it('holds a hundred calls of a key beyond its limit, and each more for two seconds', async () => {
  const { app, url } = await silentGateway({ tenant: 'acme', scope: 'read', keyId: 'k', requestsPerMinute: 1 });
  const read = () => call(url, '/v1/models', { headers: { connection: 'close' } });
  await read();
  const held = Array.from({ length: 100 }, read);
  await eventually(() => expect(longPauses).toBe(100));
  // Clients wait for 20 s: Temporal is to have some of them, and what is known is told after three.
  expect(longestMs).toBeLessThanOrEqual(16_000);
  for (const more of [1, 2]) {
    expect(await read()).toMatchObject({ status: 200, headers: { 'ratelimit-remaining': '0' } });
    expect([longPauses, excessPauses]).toEqual([100, more]);
  }
  await app.close();
  for (const { status } of await Promise.all(held)) expect(status).toBe(200);
});

it('answers reads that come as it stops, and refuses what asks for more', async () => {
  const { app, url } = await silentGateway({ tenant: '*', scope: 'admin' });
  const { port } = new URL(url);
  const open = (method: string, path: string) => {
    const socket = connect(Number(port), '127.0.0.1');
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
    // A call of which the beginning came before the stop.
    socket.write(`${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n`);
    return async () => {
      socket.write('content-length: 0\r\nconnection: close\r\n\r\n');
      await once(socket, 'close');
      return text;
    };
  };
  const [read, order, own] = [
    open('GET', '/v1/requests/k/status'),
    open('POST', `/v1/models/${flux}`),
    open('POST', '/api/v1/generations/k/cancel'),
  ];
  await eventually(() => {
    app.server.getConnections((_error, count) => (connections = count));
    expect(connections).toBe(3);
  });
  const closed = app.close();
  expect(await read()).toMatch(/^HTTP\/1.1 200 /);
  expect(await order()).toMatch(/^HTTP\/1.1 503 [^]*\r\nretry-after: 1\r\n[^]*"error_code":503003/);
  expect(await own()).toMatch(/^HTTP\/1.1 503 [^]*\r\nretry-after: 1\r\n[^]*"name":"Draining"/);
  await closed;
});

it('says that it drains while it serves as before, and ends at once where it is told to', async () => {
  let isHeld = false;
  const categories = () => {
    isHeld = true;
    return new Promise(() => undefined);
  };
  const running = await serveGateway({
    config: { taskQueue: 'q', modelApiBase: 'http://127.0.0.1:1/v1' },
    gateway: {
      address: { host: '127.0.0.1', port: 0 },
      drainMs,
      onUnknownSubmission: 'hold',
      submitGraceMs: 0,
    },
    temporal: { connectionOptions: { address: '127.0.0.1:1' }, namespace: 'default' },
    catalogue: { models: () => Promise.resolve('{}'), categories } as unknown as GatewayParts['catalogue'],
    checkWebhook: () => Promise.resolve([]),
    log: pino({ level: 'silent' }),
  });
  void running.close();
  await eventually(() => expect(longPauses).toBe(1));
  expect(await call(running.url, '/readyz')).toMatchObject({ status: 503, json: { ready: false, reason: 'draining' } });
  expect(await call(running.url, '/healthz')).toMatchObject({ status: 200 });
  const answer = await call(running.url, '/v1/models', { headers: { connection: 'keep-alive' } });
  expect(answer).toMatchObject({ status: 200, headers: { connection: 'close' } });
  const held = expect(call(running.url, '/v1/models/categories')).rejects.toThrow();
  await eventually(() => expect(isHeld).toBe(true));
  await Promise.all([held, running.close({ isAbrupt: true })]);
});

it('lets go of calls that are held for their limit as it stops', async () => {
  const { app, url } = await silentGateway({ tenant: 'acme', scope: 'read', keyId: 'k', requestsPerMinute: 1 });
  const read = () => call(url, '/v1/models', { headers: { connection: 'close' } });
  await read();
  const held = read();
  await eventually(() => expect(longPauses).toBe(1));
  await app.close();
  expect(await held).toMatchObject({ status: 200 });
});
