import type { Client } from '@temporalio/client';
import type { FastifyRequest } from 'fastify';
import { beforeEach, expect, it, vi } from 'vitest';
import { GenerationError } from '../../../client/index.ts';
import { type ManyHandle, seenNow, withMany } from '../../../gateway/api/many/many.ts';
import { pipelines } from '../../../gateway/api/pipelines/pipelines.ts';
import type { GatewayParts } from '../../../gateway/gateway-parts.ts';
import { patiently } from '../../../gateway/generations/patiently.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
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
