import { beforeEach, describe, expect, it, vi } from 'vitest';
import {
  createSubmitPacer,
  type SubmitPacer,
  type SubmitTurn,
} from '../../../../activities/submitting/submit-pacer.ts';
import { createRandom } from '../../../../simulator/world/random.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
  vi.spyOn(Math, 'random').mockImplementation(createRandom(1));
});

const patience = { withinMs: 2_000 };
const latencyMs = 40;

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** An account that takes so many orders in any second, none until `takesFrom`, and what it saw. */
function createAccount(perSecond: number, retryAfterMs?: number, takesFrom = 0) {
  const started = performance.now();
  const accepted: number[] = [];
  const posts: number[] = [];
  return {
    accepted,
    posts,
    retryAfterMs,
    post(): boolean {
      const now = performance.now() - started;
      posts.push(now);
      const isFull = now < takesFrom || accepted.filter((time) => time > now - 1_000).length >= perSecond;
      if (!isFull) accepted.push(now);
      return !isFull;
    },
  };
}

type Account = ReturnType<typeof createAccount>;

/** One order, repeated as Temporal repeats it: late by up to a second. */
async function order(pacer: SubmitPacer, account: Account): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    const turn = await pacer.takeTurn(patience);
    if ('inMs' in turn) {
      await sleep(turn.inMs + 1_000 * Math.random());
      continue;
    }
    await sleep(latencyMs * (0.9 + 0.2 * Math.random()));
    const isAccepted = account.post();
    await sleep(latencyMs);
    if (isAccepted) {
      turn.noteAccepted();
      return;
    }
    turn.noteRefused(account.retryAfterMs);
    await sleep((account.retryAfterMs ?? Math.min(30_000, 1_000 * 2 ** attempt)) + 1_000 * Math.random());
  }
}

async function orderAll(count: number, perSecond: number, retryAfterMs?: number): Promise<Account> {
  const pacer = createSubmitPacer();
  const account = createAccount(perSecond, retryAfterMs);
  const all = Promise.all(Array.from({ length: count }, () => order(pacer, account)));
  await vi.runAllTimersAsync();
  await all;
  return account;
}

const isTurn = (answer: SubmitTurn | { inMs: number }): answer is SubmitTurn => !('inMs' in answer);

/** What an order is answered within its patience. */
async function ask(pacer: SubmitPacer): Promise<SubmitTurn | { inMs: number }> {
  const waiting = pacer.takeTurn(patience);
  await vi.advanceTimersByTimeAsync(patience.withinMs);
  return await waiting;
}

/** The turn of an order for which there must be one. */
async function turnOf(pacer: SubmitPacer): Promise<SubmitTurn> {
  const answer = await ask(pacer);
  if (!isTurn(answer)) throw new Error(`turned away for ${String(answer.inMs)} ms`);
  return answer;
}

describe('the turns of a worker’s orders', () => {
  it.each([undefined, 2_000])(
    'use the account’s limit and cost hardly more than a POST each (Retry-After: %s ms)',
    async (retryAfterMs) => {
      const { posts, accepted } = await orderAll(120, 2, retryAfterMs);
      expect(accepted).toHaveLength(120);
      expect(posts.length).toBeLessThanOrEqual(1.3 * 120);
      expect(accepted.at(-1)).toBeLessThanOrEqual((120 / 2 / 0.9) * 1_000);
    },
  );

  it('bring nobody back in a herd after a Retry-After of five minutes', async () => {
    const { posts, accepted } = await orderAll(60, 2, 300_000);
    expect(accepted).toHaveLength(60);
    const after = posts.filter((time) => time > 10_000);
    expect(after[0]).toBeGreaterThanOrEqual(300_000);
    const busiest = after.map((from) => after.filter((time) => time >= from && time < from + 1_000).length);
    expect(Math.max(...busiest)).toBeLessThanOrEqual(2);
  });

  it('come at once to few orders, and ever faster to many that nothing refuses', async () => {
    const { posts } = await orderAll(300, 1_000_000);
    expect(posts).toHaveLength(300);
    expect(posts.filter((time) => time < 1_000).length).toBeLessThanOrEqual(15);
    expect(posts.at(-1)).toBeLessThan(15_000);
  });

  it('are void where a refusal comes before they do', async () => {
    const pacer = createSubmitPacer();
    const first = await turnOf(pacer);
    await turnOf(pacer);
    const [, ...waiting] = Array.from({ length: 5 }, () => pacer.takeTurn(patience));
    first.noteRefused(30_000);
    await vi.advanceTimersByTimeAsync(1_000);
    for (const answer of await Promise.all(waiting)) {
      expect(isTurn(answer) ? 0 : answer.inMs).toBeGreaterThan(25_000);
    }
  });

  it.each([undefined, 0])(
    'come ever more rarely while nothing goes through, and soon as fast as before (Retry-After: %s ms)',
    async (retryAfterMs) => {
      const pacer = createSubmitPacer();
      const account = createAccount(50, retryAfterMs, 120_000);
      const all = Promise.all(Array.from({ length: 500 }, () => order(pacer, account)));
      await vi.runAllTimersAsync();
      await all;
      expect(account.posts.filter((time) => time < 120_000).length).toBeLessThanOrEqual(25);
      const firstAt = account.accepted[0] ?? Infinity;
      expect(firstAt).toBeLessThan(190_000);
      expect((account.accepted.at(-1) ?? Infinity) - firstAt).toBeLessThan(60_000);
    },
  );

  it('are soon as many as RunComfy takes after a few refusals that told of no limit', async () => {
    const pacer = createSubmitPacer();
    const account = createAccount(8, undefined, 250);
    const all = Promise.all(Array.from({ length: 480 }, () => order(pacer, account)));
    await vi.runAllTimersAsync();
    await all;
    expect(account.posts.length).toBeLessThanOrEqual(1.3 * 480);
    // The first twenty seconds belong to the refusals, the last orders to Temporal's timers.
    const steady = account.accepted.filter((time) => time > 20_000).slice(0, -24);
    expect(steady.length).toBeGreaterThan(240);
    const seconds = ((steady.at(-1) ?? Infinity) - (steady[0] ?? 0)) / 1_000;
    expect((steady.length - 1) / seconds).toBeGreaterThanOrEqual(0.9 * 8);
  });

  it('are waited for no longer when the order is cancelled or the worker shuts down', async () => {
    const pacer = createSubmitPacer();
    await turnOf(pacer);
    const cancelled = new AbortController();
    const waiting = Array.from({ length: 4 }, () => pacer.takeTurn({ ...patience, signal: cancelled.signal }));
    cancelled.abort();
    const answers = await Promise.all(waiting);
    expect(answers.filter(isTurn).length).toBeLessThanOrEqual(1);
    const staying = Array.from({ length: 4 }, () => pacer.takeTurn(patience));
    pacer.stopAll();
    expect((await Promise.all(staying)).filter(isTurn).length).toBeLessThanOrEqual(1);
    expect(isTurn(await pacer.takeTurn(patience))).toBe(false);
  });
});
