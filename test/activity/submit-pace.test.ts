import { describe, expect, it, vi } from 'vitest';
import { createSubmitPacer } from '../../activities/submitting/submit-pacer.ts';
import { createRandom } from '../../simulator/world/random.ts';
import { activitiesOnSimulator, type ActivityRig, detailsOf, paidOrder } from '../support/activity-rig.ts';

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Waits while time passes in small steps, between which calls go their ways: a machine that stalls takes none. */
async function asTimePasses(work: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  const end = () => {
    over.abort();
  };
  void work.then(end, end);
  while (!over.signal.aborted) {
    await new Promise((resolve) => setImmediate(resolve));
    vi.advanceTimersByTime(5);
  }
  await work;
}

/** One order, repeated as Temporal repeats it. */
async function order(rig: ActivityRig): Promise<void> {
  for (let backoffMs = 1_000; ; backoffMs *= 2) {
    const { value, failure } = await rig.attempt(rig.activities.submitRequest, paidOrder);
    if (value) return;
    expect(failure).toMatchObject({ type: 'RateLimited', nonRetryable: false });
    await sleep(Number(failure?.nextRetryDelay ?? backoffMs));
  }
}

/** A pacer that has just been told to wait for a minute. */
async function refusedPacer() {
  const submitPacer = createSubmitPacer();
  const turn = await submitPacer.takeTurn({ withinMs: 100 });
  if ('inMs' in turn) throw new Error('the first order was turned away');
  turn.noteRefused(60_000);
  return submitPacer;
}

describe('the orders of one worker', () => {
  it('meet a limit together: hardly more POSTs than orders', async () => {
    const rig = await activitiesOnSimulator({
      simulator: { switches: { max_submits_per_second: 8, max_parallel: 1_000, wallet_usd: 1_000 } },
    });
    vi.spyOn(Math, 'random').mockImplementation(createRandom(1));
    vi.useFakeTimers({ toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'] });
    await asTimePasses(Promise.all(Array.from({ length: 60 }, () => order(rig))));
    vi.useRealTimers();
    const { submits, accepted } = rig.sim.ledger().totals;
    expect(accepted).toBe(60);
    expect(submits).toBeLessThanOrEqual(1.3 * 60);
  });

  it('wait for their turn before Temporal is told that one is about to be sent', async () => {
    const rig = await activitiesOnSimulator({ deps: { submitPacer: await refusedPacer() } });
    const attempt = await rig.attempt(rig.activities.submitRequest, paidOrder);
    expect(attempt.failure).toMatchObject({ type: 'RateLimited', nonRetryable: false, category: 'BENIGN' });
    expect(Number(attempt.failure?.nextRetryDelay)).toBeGreaterThan(50_000);
    expect(detailsOf(attempt)).toEqual({ submission: 'not_sent' });
    expect([rig.acknowledged, attempt.heartbeats]).toEqual([[], []]);
    expect(rig.sim.ledger().totals.submits).toBe(0);
  });

  it.each([
    ['all wait once one was refused by a 429', 'rate-limited', 'waits'],
    [
      'do not wait for one that an overloaded application refused: that counts no orders',
      'unavailable-json',
      'goes out',
    ],
  ] as const)('%s', async (_, fault, next) => {
    const rig = await activitiesOnSimulator({
      simulator: { faults: [{ fault, step: 'submit', times: 1, retryAfter: 60 }] },
    });
    const first = await rig.attempt(rig.activities.submitRequest, paidOrder);
    expect(Number(first.failure?.nextRetryDelay)).toBeGreaterThan(50_000);
    const { failure } = await rig.attempt(rig.activities.submitRequest, paidOrder);
    if (next === 'waits') expect(Number(failure?.nextRetryDelay)).toBeGreaterThan(50_000);
    else expect(failure).toBeUndefined();
    expect(rig.sim.ledger().totals).toMatchObject(
      next === 'waits' ? { submits: 1, accepted: 0 } : { submits: 2, accepted: 1 },
    );
  });
});
