import { once } from 'node:events';
import { connect } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { serve, withKey } from '../../support/gateway-in-process.ts';
import { hangMs } from '../../support/patience.ts';
import { onTestFinished } from '../../support/test-end.ts';

const signOfLifeMs = 15_000;
const longestStallMs = 10 * 60_000;
const target = '/api/v1/batches/b/results.jsonl?follow=true';

/** A gateway of one batch with these lines, and more that never come. */
async function serveLines(lines: Iterable<{ id: string }> | AsyncIterable<{ id: string }>) {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => vi.useRealTimers());
  const reading = { hasEnded: false };
  async function* results({ signal }: { signal: AbortSignal }) {
    try {
      yield* lines;
      if (!signal.aborted) await once(signal, 'abort');
      signal.throwIfAborted();
    } finally {
      reading.hasEnded = true;
    }
  }
  const handle = { key: 'acme/b', runId: 'r', state: () => Promise.resolve({ phase: 'running' }), results };
  const { access, keys, headers } = withKey({});
  const url = await serve(access, { generations: { batches: { get: () => Promise.resolve(handle) } } });
  return { url, keys, headers, reading };
}

async function* endlessLines() {
  for (;;) {
    await setImmediate();
    yield { id: 'a'.repeat(64 * 1024) };
  }
}

it('a credential that was revoked hears no more result lines', { timeout: hangMs }, async () => {
  const { url, keys, headers, reading } = await serveLines([{ id: 'a' }]);
  const response = await fetch(`${url}${target}`, { headers });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  expect((await reader?.read())?.value).toBe('{"id":"a"}\n');
  await vi.advanceTimersByTimeAsync(signOfLifeMs);
  expect(reading.hasEnded).toBe(false);
  keys.pop();
  const ended = expect(reader?.read()).rejects.toThrow('terminated');
  await vi.advanceTimersByTimeAsync(signOfLifeMs);
  await ended;
  expect(reading.hasEnded).toBe(true);
});

it('a credential that was revoked hears the lines that are there no longer, either', { timeout: hangMs }, async () => {
  const served = await serveLines(endlessLines());
  const response = await fetch(`${served.url}${target}`, { headers: served.headers });
  served.keys.pop();
  await vi.advanceTimersByTimeAsync(signOfLifeMs);
  const discard = new WritableStream();
  await expect(response.body?.pipeTo(discard)).rejects.toThrow('terminated');
  expect(served.reading.hasEnded).toBe(true);
});

it('a listener that takes no lines is hung up on after ten minutes, not before', { timeout: hangMs }, async () => {
  const lines = endlessLines();
  const next = vi.spyOn(lines, 'next');
  const { url, headers, reading } = await serveLines(lines);
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).pause();
  onTestFinished(() => socket.destroy());
  socket.write(
    `GET ${target} HTTP/1.1\r\nhost: ${hostname}:${port}\r\nauthorization: ${headers.authorization}\r\n\r\n`,
  );
  let taken = 0;
  await eventually(() => {
    const before = taken;
    taken = next.mock.calls.length;
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBe(before);
  });
  for (let passedMs = 0; passedMs < longestStallMs / 2; passedMs += signOfLifeMs)
    await vi.advanceTimersByTimeAsync(signOfLifeMs);
  expect(reading.hasEnded).toBe(false);
  await vi.advanceTimersByTimeAsync(longestStallMs);
  await eventually(() => {
    expect(reading.hasEnded).toBe(true);
  });
});
