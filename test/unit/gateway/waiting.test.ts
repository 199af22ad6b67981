import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { FastifyReply } from 'fastify';
import pino from 'pino';
import { expect, it } from 'vitest';
import { anonymousAccess } from '../../../gateway/access/access.ts';
import { waitSignal } from '../../../gateway/http/waiting.ts';
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
    const setting = { plan: () => Promise.resolve(undefined), defaults: () => Promise.resolve(undefined) };
    const batches = { get: () => Promise.resolve({ key: 'b', ...setting, add }) };
    const logged: unknown[] = [];
    const log = pino({ level: 'debug' }, { write: (line: string) => logged.push(JSON.parse(line)) });
    const url = await serve(anonymousAccess, { generations: { batches }, log });
    const leaving = new AbortController();
    const adding = fetch(`${url}/api/v1/batches/b/add`, {
      ...{ method: 'POST', headers: { 'content-type': 'application/json' }, signal: leaving.signal },
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
