import type { Client } from '@temporalio/client';
import type { FastifyRequest } from 'fastify';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { GenerationError } from '../../../client/index.ts';
import { anonymousAccess } from '../../../gateway/access/access.ts';
import { type ManyHandle, seenNow, withMany } from '../../../gateway/api/many/many.ts';
import { pipelines } from '../../../gateway/api/pipelines/pipelines.ts';
import { createWatchers } from '../../../gateway/following/watchers.ts';
import type { GatewayParts } from '../../../gateway/gateway-parts.ts';
import { patiently } from '../../../gateway/generations/patiently.ts';
import { serve } from '../../support/gateway-in-process.ts';
import { call } from '../../support/gateway-stack.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A Temporal each call of which takes its time, or its whole deadline. */
function slowTemporal() {
  let deadline = Infinity;
  const client = {
    withDeadline: (until: number, call: () => unknown) => {
      deadline = until;
      return call();
    },
  } as unknown as Client;
  const spend = (ms: number) => {
    vi.advanceTimersByTime(Math.min(ms, deadline - Date.now()));
    if (Date.now() < deadline) return Promise.resolve();
    return Promise.reject(new GenerationError({ type: 'TemporalUnreachable', message: 'out of time', key: 'k' }));
  };
  return { client, spend };
}

it('waits no longer though the clock is set back, and leaves each call the time that is left', async () => {
  const asked: number[] = [];
  const client = {
    withDeadline: (until: number, call: () => unknown) => {
      asked.push(until - Date.now());
      return call();
    },
  } as unknown as Client;
  const away = (giveUpAt: number) => {
    expect(giveUpAt - Date.now()).toBe(asked.at(-1));
    vi.setSystemTime(Date.now() - 3_600_000);
    vi.advanceTimersByTime(8_000);
    return Promise.reject(new GenerationError({ type: 'TemporalUnreachable', message: 'away', key: 'k' }));
  };
  await expect(patiently(client, 18_000, away, { asksOthers: true })).rejects.toThrow('away');
  expect(asked).toEqual([18_000, 10_000, 2_000]);
});

it('asks nothing again once the connection was closed, and whatever was lost before', async () => {
  const { client } = slowTemporal();
  const closed = new Error('Channel has been shut down');
  const of = (cause: Error) => new GenerationError({ type: 'TemporalUnreachable', message: 'away', key: 'k', cause });
  const errors = [of(new Error('reset')), of(closed)];
  await expect(
    patiently(client, 60_000, () => Promise.reject(errors.shift() ?? new Error('once more'))),
  ).rejects.toThrow('away');
  expect(errors).toEqual([]);
});

const request = { principal: { tenant: '*', scope: 'admin' } } as unknown as FastifyRequest;
const handle = { key: 'k' } as ManyHandle<unknown, unknown>;

it('finds what a path names though Temporal leaves two calls unanswered', async () => {
  const { client, spend } = slowTemporal();
  const times = [Infinity, Infinity, 1_000];
  const get = () => spend(times.shift() ?? 0).then(() => handle);
  const parts = { client, generations: { pipelines: { get } } } as unknown as GatewayParts;
  expect(await withMany(pipelines, parts, request, 'k', (found) => Promise.resolve(found.key))).toBe('k');
  expect(times).toEqual([]);
});

it('tells where something stands though a worker takes all of the time that is left to a call of Temporal', async () => {
  const { client, spend } = slowTemporal();
  const state = async () => {
    // The question to the worker has a deadline of its own; behind it Temporal is asked.
    vi.advanceTimersByTime(12_000);
    await spend(1_000);
    return { phase: 'running' };
  };
  const seen = await seenNow({ client } as unknown as GatewayParts, { ...handle, state });
  expect(seen).toEqual({ key: 'k', state: { phase: 'running' } });
});

it('waits for the lines of a batch no longer though the clock is set back', async () => {
  const next = () => {
    vi.setSystemTime(Date.now() - 3_600_000);
    vi.advanceTimersByTime(20_000);
    return Promise.reject(new GenerationError({ type: 'TemporalBusy', message: 'busy', key: 'k' }));
  };
  const results = () => ({ [Symbol.asyncIterator]: () => ({ next }) });
  const state = () => Promise.resolve({ phase: 'running' });
  const get = (key: string) => Promise.resolve({ key, runId: 'r', state, results });
  const url = await serve(anonymousAccess, { generations: { batches: { get } } });
  expect((await call(url, '/api/v1/batches/k/results')).status).toBe(503);
});

it('follows a pipeline though Temporal is away for a minute as that begins', async () => {
  const { client } = slowTemporal();
  let awayMs = 60_000;
  const state = () => Promise.resolve({ phase: 'succeeded' });
  const get = (key: string) => {
    if (awayMs <= 0) return Promise.resolve({ key, state, result: state });
    awayMs -= 20_000;
    vi.advanceTimersByTime(20_000);
    return Promise.reject(new GenerationError({ type: 'TemporalUnreachable', message: 'away', key }));
  };
  const watchers = createWatchers(client, { pipelines: { get } } as never, {} as never);
  const states = watchers.pipelines.follow('k', new AbortController().signal);
  expect(await states.next()).toEqual({ done: false, value: { key: 'k', state: { phase: 'succeeded' } } });
  await states.return();
});
