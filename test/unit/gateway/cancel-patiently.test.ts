import type { Client } from '@temporalio/client';
import { beforeEach, expect, it, vi } from 'vitest';
import { type CancelOptions, type CancelReply, GenerationError } from '../../../client/index.ts';
import type { GatewayParts } from '../../../gateway/gateway-parts.ts';
import { cancelPatiently } from '../../../gateway/generations/cancel-patiently.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
});

interface Slow {
  agoMs: number;
  findMs: number;
  waitMs?: number;
  answers?: Promise<CancelReply>[];
}

const recorded = Promise.resolve<CancelReply>({ outcome: 'unknown', phase: 'in_queue' });

/** How a cancel is asked for where the call came `agoMs` before and finding the generation takes `findMs`. */
async function askedFor({ agoMs, findMs, waitMs, answers = [recorded] }: Slow) {
  const asked: CancelOptions[] = [];
  let deadline = 0;
  const handle = {
    cancel: (_reason: string | undefined, options: CancelOptions) => {
      asked.push(options);
      return answers[asked.length - 1];
    },
  };
  const parts = {
    client: {
      withDeadline: (until: number, call: () => unknown) => {
        deadline = until;
        return call();
      },
    } as unknown as Client,
    generations: {
      get: () => {
        vi.setSystemTime(Date.now() + findMs);
        return Promise.resolve(handle);
      },
    },
    reader: { refresh: () => undefined },
  } as unknown as GatewayParts;
  const since = Date.now() - agoMs;
  const { outcome } = await cancelPatiently(parts, 'order-1', {
    since,
    stopping: new AbortController().signal,
    waitMs,
  });
  const [{ timeoutMs = NaN } = {}] = asked;
  return { outcome, timeoutMs, untilMs: deadline - since, repeats: asked.map(({ isRepeated }) => isRepeated) };
}

it.each([
  { agoMs: 0, findMs: 10 },
  { agoMs: 18_000, findMs: 12_000 },
  { agoMs: 35_000, findMs: 5_000 },
])('a cancel is answered within the minute that clients listen: found after $agoMs and $findMs ms', async (slow) => {
  const { timeoutMs, untilMs } = await askedFor(slow);
  expect(timeoutMs).toBeGreaterThanOrEqual(5_000);
  expect(untilMs).toBeLessThanOrEqual(57_000);
});

it('a cancel waits as long as its caller says', async () => {
  expect((await askedFor({ agoMs: 0, findMs: 10, waitMs: 59_000 })).timeoutMs).toBe(59_000);
  expect((await askedFor({ agoMs: 0, findMs: 10, waitMs: 0 })).timeoutMs).toBe(1);
});

it('a cancel that Temporal does not take at first is asked for anew', async () => {
  const error = new GenerationError({ type: 'TemporalUnreachable', message: 'away', key: 'order-1' });
  const { outcome, repeats } = await askedFor({ agoMs: 0, findMs: 10, answers: [Promise.reject(error), recorded] });
  expect(outcome).toBe('unknown');
  // An answer may have been lost to a call before this one, too.
  expect(repeats).toEqual([true, true]);
});
