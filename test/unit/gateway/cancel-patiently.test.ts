import type { Client } from '@temporalio/client';
import { beforeEach, expect, it, vi } from 'vitest';
import { type CancelOptions, type CancelReply, GenerationError } from '../../../client/index.ts';
import {
  addItems,
  cancelBatch,
  pauseBatch,
  resumeBatch,
  sealBatch,
  setBatch,
} from '../../../gateway/api/batches/tell.ts';
import { closeBudget, releaseReservation, setBudget } from '../../../gateway/api/budgets/budgets.ts';
import { nudgeGeneration } from '../../../gateway/api/generations/decide.ts';
import { cancelPipeline, decideStep } from '../../../gateway/api/pipelines/decide.ts';
import type { GatewayParts } from '../../../gateway/gateway-parts.ts';
import { cancelPatiently } from '../../../gateway/generations/cancel-patiently.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] });
});

interface Slow {
  agoMs: number;
  findMs: number;
  /** Meanwhile the clock is set back so far. */
  backMs?: number;
  waitMs?: number;
  answers?: Promise<CancelReply>[];
}

const recorded = Promise.resolve<CancelReply>({ outcome: 'unknown', phase: 'in_queue' });

/** How a cancel is asked for where the call came `agoMs` before and finding the generation takes `findMs`. */
async function askedFor({ agoMs, findMs, backMs = 0, waitMs, answers = [recorded] }: Slow) {
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
        deadline = performance.now() + until - Date.now();
        return call();
      },
    } as unknown as Client,
    generations: {
      get: () => {
        vi.setSystemTime(Date.now() - backMs);
        vi.advanceTimersByTime(findMs);
        return Promise.resolve(handle);
      },
    },
    reader: { refresh: () => undefined },
  } as unknown as GatewayParts;
  const since = performance.now() - agoMs;
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
  { agoMs: 18_000, findMs: 12_000, backMs: 3_600_000 },
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

/** A call that Temporal refuses as busy at first, and has answered the second time. */
function refusedOnce(answer: unknown) {
  let asked = 0;
  return () => {
    asked += 1;
    const error = new GenerationError({ type: 'TemporalBusy', message: 'busy', key: 'k' });
    return asked === 1 ? Promise.reject(error) : Promise.resolve(answer);
  };
}

/** The answer of an operation of our API all of whose messages Temporal refuses as busy once. */
async function answerThoughBusy(operation: (parts: GatewayParts, call: never) => Promise<unknown>) {
  const [told, counted] = [refusedOnce({ phase: 'running', outcome: 'cancelled' }), refusedOnce({ count: 2 })];
  const setting = refusedOnce({ window: 3, maxCostUsd: null });
  const nothing = () => Promise.resolve(undefined);
  const handle = {
    key: 'k',
    runId: 'run',
    plan: nothing,
    defaults: nothing,
    cancel: told,
    decide: told,
    pause: told,
    resume: told,
    nudge: told,
    add: counted,
    seal: counted,
    set: setting,
  };
  const get = () => Promise.resolve(handle);
  const budget = refusedOnce({ name: 'b', limitUsd: 1 });
  const parts = {
    client: { withDeadline: (_: number, call: () => unknown) => call() },
    generations: {
      get,
      pipelines: { get },
      batches: { get },
      budgets: { set: budget, release: budget, close: budget },
    },
    reader: { refresh: () => undefined },
  } as unknown as GatewayParts;
  const raw = { once: () => undefined };
  const reply = { elapsedTime: 0, raw, code: () => reply, header: () => reply };
  const request = { principal: { tenant: '*', scope: 'admin' }, headers: {} };
  const call = { params: { key: 'k', name: 'b' }, query: {}, body: { items: [] }, request, reply };
  return operation(parts, call as never);
}

const { signal } = new AbortController();

it.each<[string, (parts: GatewayParts, call: never) => Promise<unknown>, object]>([
  ['cancel of a pipeline', (parts, call) => cancelPipeline(parts, signal, call), { outcome: 'cancelled' }],
  ['decision', decideStep, { phase: 'running' }],
  ['cancel of a batch', (parts, call) => cancelBatch(parts, signal, call), { outcome: 'cancelled' }],
  ['adding of items', addItems, { count: 2 }],
  ['seal', sealBatch, { count: 2 }],
  ['pause', pauseBatch, { phase: 'running' }],
  ['resumption', resumeBatch, { phase: 'running' }],
  ['setting of a batch', setBatch, { window: 3 }],
  ['limit of a budget', setBudget, { limitUsd: 1 }],
  ['release of a reservation', releaseReservation, { limitUsd: 1 }],
  ['close of a budget', closeBudget, { isClosed: true }],
])('a %s that Temporal is too busy for at first is told once more', async (_what, operation, answer) => {
  expect(await answerThoughBusy(operation)).toMatchObject(answer);
});

it('a nudge that Temporal is too busy for at first is sent once more', async () => {
  await expect(answerThoughBusy(nudgeGeneration)).resolves.toBeUndefined();
});
