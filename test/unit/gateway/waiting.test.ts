import { getEventListeners, once } from 'node:events';
import { connect } from 'node:net';
import { PassThrough } from 'node:stream';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { FastifyReply } from 'fastify';
import pino from 'pino';
import { expect, it } from 'vitest';
import { anonymousAccess } from '../../../gateway/access/access.ts';
import { waitSignal } from '../../../gateway/http/waiting.ts';
import { createGatewayMetrics } from '../../../gateway/metrics/gateway-metrics.ts';
import { eventually } from '../../support/eventually.ts';
import { serve, withKey } from '../../support/gateway-in-process.ts';
import { testHangMs } from '../../support/patience.ts';
import { flux } from '../../support/simulator-client.ts';

it('whoever leaves while a call is held for its limit is not waited for', { timeout: testHangMs }, async () => {
  const { access, headers } = withKey({ requestsPerMinute: 1 });
  const waits: AbortSignal[] = [];
  const result = async ({ signal }: { signal: AbortSignal }) => {
    waits.push(signal);
    if (!signal.aborted) await once(signal, 'abort');
    throw signal.reason;
  };
  const state = () => Promise.resolve({ phase: 'running' });
  const handle = { key: 'acme/b', runId: 'r', state, isEnded: () => Promise.resolve(false), result };
  const leaving = new AbortController();
  const authenticate: typeof access.authenticate = async (request) => {
    const principal = await access.authenticate(request);
    if (request.url.includes('wait'))
      setImmediate().then(
        () => leaving.abort(),
        () => undefined,
      );
    return principal;
  };
  const batches = { get: () => Promise.resolve(handle) };
  const url = await serve({ ...access, authenticate }, { generations: { batches } });
  await fetch(`${url}/api/v1/whoami`, { headers });
  const held = fetch(`${url}/api/v1/batches/b/result?wait=60s`, { headers, signal: leaving.signal });
  await expect(held).rejects.toThrow('aborted');
  await eventually(() => {
    expect(waits.map(({ aborted }) => aborted)).toEqual([true]);
  });
});

it('whoever leaves with many calls in line is heard of by all of them', { timeout: testHangMs }, async () => {
  const [results, streams, stalled] = [2, 20, 2];
  const metrics = createGatewayMetrics();
  const listeners = async () => {
    const gauge = metrics.registry.getSingleMetric('runcomfy_gateway_sse_listeners');
    return (await gauge?.get())?.values[0]?.value;
  };
  const waits: AbortSignal[] = [];
  let [pulled, ended] = [0, 0];
  const until = async (signal: AbortSignal) => {
    waits.push(signal);
    if (!signal.aborted) await once(signal, 'abort');
  };
  const result = async ({ signal }: { signal: AbortSignal }) => {
    await until(signal);
    throw signal.reason;
  };
  const handle = {
    key: 'b',
    runId: 'r',
    isEnded: () => Promise.resolve(false),
    result,
    state: () => Promise.resolve({ phase: 'running' }),
  };
  async function* follow(key: string, signal: AbortSignal) {
    try {
      for (const at of key === 'stalled' ? [1, 2] : []) {
        pulled += 1;
        // More than is taken of a stream before anything of it was sent.
        yield { key, state: { phase: 'running', runId: 'r', at, text: 'x'.repeat(100_000) } };
      }
      await until(signal);
    } finally {
      ended += 1;
    }
  }
  const batches = { get: (key: string) => Promise.resolve({ ...handle, key }) };
  const url = new URL(
    await serve(anonymousAccess, { metrics, generations: { batches }, watchers: { batches: { follow } } }),
  );
  const socket = connect(Number(url.port), url.hostname);
  const get = (path: string) => `GET /api/v1/batches/${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`;
  socket.write(
    [
      get('b/result?wait=60s').repeat(results),
      get('b/events').repeat(streams),
      get('stalled/events').repeat(stalled),
    ].join(''),
  );
  await eventually(async () => {
    expect([waits.length, pulled, await listeners()]).toEqual([results + streams, 2 * stalled, streams + stalled]);
  });
  socket.destroy();
  await eventually(async () => {
    expect(waits.filter(({ aborted }) => !aborted)).toEqual([]);
    expect([ended, await listeners()]).toEqual([streams + stalled, 0]);
  });
});

it('a cancel or pause beyond the limit is carried out while reads are held', { timeout: testHangMs }, async () => {
  const { access, headers } = withKey({ requestsPerMinute: 1 });
  const cancel = () => Promise.resolve({ outcome: 'cancelled', phase: 'cancelled', items: {}, steps: [] });
  const pause = () => Promise.resolve({ phase: 'paused' });
  const many = { get: (key: string) => Promise.resolve({ key, cancel, pause }) };
  const url = await serve(access, { generations: { ...many, pipelines: many, batches: many } });
  const whoami = (init: RequestInit) => fetch(`${url}/api/v1/whoami`, { headers, ...init });
  await whoami({});
  const leaving = new AbortController();
  const held = whoami({ signal: leaving.signal }).then(
    () => 'answered',
    () => 'held',
  );
  const cancels = ['v1/requests', 'api/v1/generations', 'api/v1/pipelines', 'api/v1/batches'].map(
    (noun) => `${noun}/k/cancel`,
  );
  const targets = [...cancels, 'api/v1/batches/k/pause'];
  const before = performance.now();
  const answerOf = async (target: string) => {
    const { ok, headers: told } = await fetch(`${url}/${target}`, { method: 'POST', headers });
    return { target, ok, remaining: told.get('ratelimit-remaining'), isHeld: performance.now() - before > 1_900 };
  };
  expect(await Promise.all(targets.map(answerOf))).toEqual(
    targets.map((target) => ({ target, ok: true, remaining: '0', isHeld: true })),
  );
  leaving.abort();
  expect(await held).toBe('held');
});

it(
  'whoever leaves gives up the place of his items in line, which is no defect of ours',
  { timeout: testHangMs },
  async () => {
    const waits: AbortSignal[] = [];
    const add = async (_items: object, { signal }: { signal: AbortSignal }) => {
      waits.push(signal);
      if (!signal.aborted) await once(signal, 'abort');
      throw signal.reason;
    };
    const none = () => Promise.resolve(undefined);
    const state = () => Promise.resolve({ phase: 'running', money: {} });
    const setting = { plan: none, defaults: none, budgets: none, state };
    const batches = { get: () => Promise.resolve({ key: 'b', ...setting, add }) };
    const logged: unknown[] = [];
    const log = pino({ level: 'debug' }, { write: (line: string) => logged.push(JSON.parse(line)) });
    const url = await serve(anonymousAccess, { generations: { batches }, log });
    const leaving = new AbortController();
    const adding = fetch(`${url}/api/v1/batches/b/add`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      signal: leaving.signal,
      body: JSON.stringify({ from: 0, items: [{ id: 'a', model: flux, input: {} }] }),
    });
    await eventually(() => {
      expect(waits).toHaveLength(1);
    });
    leaving.abort();
    await expect(adding).rejects.toThrow('aborted');
    await eventually(() => {
      expect(waits.map(({ aborted }) => aborted)).toEqual([true]);
      expect(logged).toEqual([expect.objectContaining({ level: 20 })]);
    });
  },
);

it('the time of a wait is up though memory is collected meanwhile', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const stopping = new AbortController();
  const over = waitSignal({ raw: new PassThrough() } as unknown as FastifyReply, 500, stopping.signal);
  const ended = once(over, 'abort').then(() => 'over');
  // What is made is kept until then.
  await setImmediate();
  collect();
  expect(await Promise.race([ended, sleep(20_000, 'not over')])).toBe('over');
});

type Init = Pick<RequestInit, 'method' | 'body'> & { headers?: Record<string, string> };

/** What hangs on a signal: who listens, and what Node keeps of signals that were joined with it. */
function hangingOn(signal: AbortSignal | undefined): number | undefined {
  if (!signal) return undefined;
  const kept = Object.getOwnPropertySymbols(signal).find(({ description }) => description === 'kDependantSignals');
  const { size = 0 } = (kept && (signal as unknown as Record<symbol, Set<unknown> | undefined>)[kept]) ?? {};
  return getEventListeners(signal, 'abort').length + size;
}

it('calls that have ended leave nothing at the signal of the stop', { timeout: testHangMs }, async () => {
  const [rounds, beyond] = [10, 5];
  const { access, headers } = withKey({ requestsPerMinute: rounds * 5 });
  let stopping: AbortSignal | undefined;
  const cancel = (_reason: unknown, { signal }: { signal: AbortSignal }) => {
    stopping = signal;
    return Promise.resolve({ outcome: 'cancelled', phase: 'cancelled' });
  };
  const none = async function* () {
    await Promise.resolve();
  };
  const batch = {
    key: 'acme/b',
    runId: 'r',
    isEnded: () => Promise.resolve(false),
    results: none,
    state: () => Promise.resolve({ phase: 'running' }),
    result: () => Promise.resolve({}),
  };
  const get = (key: string) => Promise.resolve({ key, runId: 'r', cancel });
  const url = await serve(access, {
    generations: { get, batches: { get: () => Promise.resolve(batch) } },
    watchers: { batches: { follow: none } },
  });
  const ask = async (path: string, { headers: more, ...init }: Init = {}) => {
    const reply = await fetch(`${url}${path}`, { ...init, headers: { ...headers, ...more } });
    return [reply.status, (await reply.text()).length > 0 || path];
  };
  const list = {
    method: 'POST',
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
  };
  const toCancel = () => ask('/api/v1/generations/k/cancel', { method: 'POST' });
  for (let round = 0; round < rounds; round += 1) {
    const asked = ['result?wait=60s', 'events', 'results.jsonl'].map((what) => ask(`/api/v1/batches/b/${what}`));
    expect(await Promise.all([...asked, ask('/mcp', list), toCancel()])).toEqual([
      [202, true],
      [200, true],
      [200, '/api/v1/batches/b/results.jsonl'],
      [200, true],
      [200, true],
    ]);
  }
  // Held for their limit.
  expect(await Promise.all(Array.from({ length: beyond }, toCancel))).toEqual(
    Array.from({ length: beyond }, () => [200, true]),
  );
  await eventually(() => {
    expect(hangingOn(stopping)).toBe(0);
  });
});
