import { describe, expect, it, vi } from 'vitest';
import { createOpenAttempts } from '../../activities/reading/open-attempts.ts';
import type { ReadTurn } from '../../activities/reading/read-pacer.ts';
import { createWaitingKnowledge } from '../../activities/waiting/knowledge.ts';
import { activitiesOnSimulator, paidOrder } from '../support/activity-rig.ts';
import { hangMs } from '../support/patience.ts';

/** A worker that knows that this work takes about `seconds`, and thinks little of a read. */
function knowing(seconds: number) {
  const waiting = createWaitingKnowledge();
  for (let count = 0; count < 20; count += 1) {
    const totalMs = seconds * (950 + 5 * count);
    waiting.learn({ workKey: paidOrder.model, model: paidOrder.model, totalMs, runMs: totalMs });
  }
  return { waiting };
}

const interactive = { secondsOfDelayPerRead: 0.02 };

describe('reads that come close together', () => {
  it('are made within one attempt, which ends when the status changes, and all are counted', async () => {
    const rig = await activitiesOnSimulator({ deps: knowing(2) });
    const requestId = await rig.order('run');
    const statusCalls = () => rig.sim.ledger().jobs[0]?.statusCalls ?? 0;
    const startedAt = new Date(Date.now() - 1_700).toISOString();
    const question = { model: paidOrder.model, requestId, submittedAt: startedAt, startedAt, waiting: interactive };
    const open = rig.attempt(rig.activities.readStatus, { ...question, lastStatus: 'in_progress' });
    await vi.waitUntil(() => statusCalls() >= 2, { timeout: hangMs, interval: 10 });
    rig.sim.release([requestId]);
    const { value: reading } = await open;
    expect(reading?.status).toBe('finished');
    expect(reading?.reads).toBeGreaterThan(1);
    expect(statusCalls()).toBe(reading?.reads);
  });

  it('begin when the first of them is due, and at once when their request is turned to again', async () => {
    const rig = await activitiesOnSimulator({ deps: knowing(60) });
    const requestId = await rig.order('run');
    const question = { model: paidOrder.model, requestId, lastStatus: 'in_progress' as const };
    const scheduled = () => ({ currentAttemptScheduledTimestampMs: Date.now() });
    const dueIn = (ms: number) => ({ ...question, nextReadAt: new Date(Date.now() + ms).toISOString() });
    const startedAt = Date.now();
    const { value: due } = await rig.attempt(
      rig.activities.readStatus,
      { ...dueIn(600), isLastRead: true },
      scheduled(),
    );
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(590);
    expect(due?.reads).toBe(1);

    const dueInMs = 30_000;
    const waiting = rig.attempt(rig.activities.readStatus, dueIn(dueInMs), { ...scheduled(), activityId: '5' });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const nudged = await rig.attempt(rig.activities.readStatus, { ...question, isLastRead: true }, { activityId: '6' });
    expect(nudged.value?.reads).toBe(1);
    // Nobody waits for the dropped attempt; it has not read, and Temporal is not told of a failure.
    expect((await waiting).failure?.nonRetryable).toBe(false);
    expect(Date.now() - startedAt).toBeLessThan(dueInMs);
    expect(rig.sim.ledger().jobs[0]?.statusCalls).toBe(2);
  });

  it('go on in a further attempt, which knows how many there were and when the last one was', async () => {
    const rig = await activitiesOnSimulator({
      deps: { ...knowing(2), openAttempts: createOpenAttempts(100) },
      simulator: { profiles: { '*': { queueMs: 0, runMs: 60_000 } } },
    });
    const { value: accepted } = await rig.attempt(rig.activities.submitRequest, paidOrder);
    const requestId = accepted?.requestId ?? '';
    const startedAt = new Date(Date.now() - 1_900).toISOString();
    const question = {
      model: paidOrder.model,
      requestId,
      submittedAt: startedAt,
      startedAt,
      lastStatus: 'in_progress' as const,
      waiting: interactive,
    };
    const first = await rig.attempt(rig.activities.readStatus, question, {
      scheduledTimestampMs: Date.now(),
    });
    expect(first.failure?.nonRetryable).toBe(false);
    expect(first.failure?.category).toBe('BENIGN');
    expect(Number(first.failure?.nextRetryDelay)).toBeGreaterThanOrEqual(1_000);
    const heartbeatDetails = first.heartbeats.at(-1) as { reads: number; pauses: number };
    const readByFirst = rig.sim.ledger().jobs[0]?.statusCalls;
    expect(heartbeatDetails).toMatchObject({ reads: readByFirst, pauses: 1 });

    rig.sim.setFaults([{ fault: 'unavailable-bare', step: 'status' }]);
    const failed = await rig.attempt(rig.activities.readStatus, question, { attempt: 2, heartbeatDetails });
    // It is the first failure, so the next attempt comes as soon as after a first one.
    expect(Number(failed.failure?.nextRetryDelay)).toBe(1_000);
    rig.sim.setFaults([]);
    const last = { ...question, isLastRead: true };
    const { value: reading } = await rig.attempt(rig.activities.readStatus, last, {
      attempt: 3,
      heartbeatDetails: failed.heartbeats.at(-1),
    });
    expect(reading?.reads).toBe(rig.sim.ledger().jobs[0]?.statusCalls);
    expect(Date.parse(reading?.readBeforeAt ?? '')).toBeGreaterThan(Date.parse(startedAt) + 10_000);
  });

  it('leave a 404 of long ago behind once RunComfy has answered', async () => {
    const rig = await activitiesOnSimulator({ deps: knowing(60) });
    const requestId = await rig.order('run');
    const doubt = { type: 'RequestNotFound', since: Date.now() - 60_000 };
    rig.sim.setFaults([{ fault: 'not-found', step: 'status', skip: 1 }]);
    const question = {
      model: paidOrder.model,
      requestId,
      submittedAt: new Date(Date.now() - 60_000).toISOString(),
      lastStatus: 'in_progress' as const,
      waiting: interactive,
    };
    const askedAt = Date.now();
    const { failure, heartbeats } = await rig.attempt(rig.activities.readStatus, question, {
      attempt: 2,
      heartbeatDetails: { reads: 1, doubt },
    });
    expect(failure?.nonRetryable).toBe(false);
    expect((heartbeats.at(-1) as { doubt: { since: number } }).doubt.since).toBeGreaterThanOrEqual(askedAt);
  });

  it('stop when a cancel comes, whose answer counts what they had read', async () => {
    const rig = await activitiesOnSimulator({
      deps: knowing(2),
      simulator: { profiles: { '*': { queueMs: 0, runMs: 60_000 } } },
    });
    const { value: accepted } = await rig.attempt(rig.activities.submitRequest, paidOrder);
    const requestId = accepted?.requestId ?? '';
    const statusCalls = () => rig.sim.ledger().jobs[0]?.statusCalls ?? 0;
    const startedAt = new Date(Date.now() - 1_900).toISOString();
    const question = { model: paidOrder.model, requestId, submittedAt: startedAt, startedAt, waiting: interactive };
    const open = rig.attempt(
      rig.activities.readStatus,
      { ...question, lastStatus: 'in_progress' },
      { activityId: '5' },
    );
    await vi.waitUntil(() => statusCalls() >= 2, { timeout: hangMs, interval: 10 });
    const { value: answer } = await rig.attempt(
      rig.activities.cancelRequest,
      { model: paidOrder.model, requestId },
      { activityId: '6' },
    );
    await open;
    expect(answer?.outcome).toBe('not_cancellable');
    expect(answer?.reads).toBeGreaterThan(2);
    expect(statusCalls()).toBe(answer?.reads);
  });

  it('look the more urgent for a turn the longer work that is likely over was not looked at', async () => {
    const asked: number[] = [];
    const readPacer = {
      takeTurn: ({ likelyEndInMs }: ReadTurn) => {
        asked.push(likelyEndInMs);
        return Promise.resolve(60_000);
      },
      skipTurn: () => undefined,
      slowDown: () => undefined,
      stopAll: () => undefined,
    };
    const rig = await activitiesOnSimulator({ deps: { ...knowing(10), readPacer } });
    const requestId = await rig.order('run');
    const ago = (seconds: number) => new Date(Date.now() - seconds * 1_000).toISOString();
    const begunAt = Date.now();
    for (const seconds of [5, 60, 300]) {
      const question = { model: paidOrder.model, requestId, submittedAt: ago(seconds) };
      const { failure } = await rig.attempt(rig.activities.readStatus, question);
      expect(failure?.type).toBe('ReadingOn');
    }
    const [young = 0, old = 0, oldest = 0] = asked;
    expect(young).toBeGreaterThan(3_000 - (Date.now() - begunAt));
    expect(old).toBeLessThan(-45_000);
    expect(oldest).toBeLessThan(old);
  });
});
