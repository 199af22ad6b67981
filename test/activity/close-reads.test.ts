import { describe, expect, it } from 'vitest';
import { createWaitingKnowledge } from '../../activities/waiting/knowledge.ts';
import { activitiesOnSimulator, paidOrder } from '../support/activity-rig.ts';

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
    const rig = await activitiesOnSimulator({
      deps: knowing(2),
      simulator: { profiles: { '*': { queueMs: 0, runMs: 2_000 } } },
    });
    const { value: accepted } = await rig.attempt(rig.activities.submitRequest, paidOrder);
    const requestId = accepted?.requestId ?? '';
    const startedAt = new Date().toISOString();
    const question = { model: paidOrder.model, requestId, submittedAt: startedAt, startedAt, waiting: interactive };
    await new Promise((resolve) => setTimeout(resolve, 1_700));
    const { value: reading } = await rig.attempt(rig.activities.readStatus, { ...question, lastStatus: 'in_progress' });
    expect(reading?.status).toBe('finished');
    expect(reading?.reads).toBeGreaterThan(1);
    expect(rig.sim.ledger().jobs[0]?.statusCalls).toBe(reading?.reads);
  });

  it('stop when a cancel comes, whose answer counts what they had read', async () => {
    const rig = await activitiesOnSimulator({
      deps: knowing(2),
      simulator: { profiles: { '*': { queueMs: 0, runMs: 60_000 } } },
    });
    const { value: accepted } = await rig.attempt(rig.activities.submitRequest, paidOrder);
    const requestId = accepted?.requestId ?? '';
    const startedAt = new Date(Date.now() - 1_900).toISOString();
    const question = { model: paidOrder.model, requestId, submittedAt: startedAt, startedAt, waiting: interactive };
    const open = rig.attempt(
      rig.activities.readStatus,
      { ...question, lastStatus: 'in_progress' },
      { activityId: '5' },
    );
    await new Promise((resolve) => setTimeout(resolve, 400));
    const { value: answer } = await rig.attempt(
      rig.activities.cancelRequest,
      { model: paidOrder.model, requestId },
      { activityId: '6' },
    );
    await open;
    expect(answer?.outcome).toBe('not_cancellable');
    expect(answer?.reads).toBeGreaterThan(2);
    expect(rig.sim.ledger().jobs[0]?.statusCalls).toBe(answer?.reads);
  });
});
