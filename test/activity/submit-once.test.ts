import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createWaitingKnowledge } from '../../activities/waiting/knowledge.ts';
import { wellFormed } from '../../domain/text.ts';
import { activitiesOnSimulator, detailsOf, paidOrder } from '../support/activity-rig.ts';

describe('submitRequest, once the id is known:', () => {
  const broken = () => {
    throw new Error('a defect');
  };
  const defects: Record<string, Parameters<typeof activitiesOnSimulator>[0]> = {
    'the id cannot be kept': { deps: { keepRequestId: () => Promise.reject(new Error('a defect')) } },
    'the first read cannot be planned': { deps: { waiting: { ...createWaitingKnowledge(), nextReadInMs: broken } } },
    'the search attributes cannot be listed': {
      deps: {
        searchAttributes: (() => {
          let asked = 0;
          return () => ((asked += 1) > 1 ? broken() : []);
        })(),
      },
    },
  };
  for (const [name, options] of Object.entries(defects)) {
    it(`returns it although ${name}`, async () => {
      const rig = await activitiesOnSimulator(options);
      const { value } = await rig.attempt(rig.activities.submitRequest, paidOrder);
      expect(value?.requestId).toBe(rig.sim.ledger().jobs[0]?.id);
      expect(value?.nextReadInMs).toBeGreaterThanOrEqual(0);
      expect(rig.sim.ledger().totals.accepted).toBe(1);
    });
  }

  it('keeps the report small, however odd the input is', async () => {
    const rig = await activitiesOnSimulator({
      deps: {
        validator: {
          validate: () =>
            Promise.resolve({ issues: [], warnings: Array.from({ length: 3_000 }, () => '😀'.repeat(5_000)) }),
        },
      },
    });
    const { value } = await rig.attempt(rig.activities.submitRequest, paidOrder);
    expect(JSON.stringify(value).length).toBeLessThan(40_000);
    expect(value?.warnings?.at(-1)).toBe('and 2950 more');
    expect(value?.warnings?.every((warning) => wellFormed(warning) === warning)).toBe(true);
  });
});

describe('submitRequest, after an attempt that could not report:', () => {
  const at = '2026-11-01T10:00:00.000Z';

  it('returns the id that the last heartbeat carries, and sends nothing', async () => {
    const rig = await activitiesOnSimulator();
    const { value } = await rig.attempt(rig.activities.submitRequest, paidOrder, {
      attempt: 2,
      heartbeatDetails: { stage: 'accepted', at, requestId: 'a1b2' },
    });
    expect(value).toMatchObject({ requestId: 'a1b2', submittedAt: at, nextReadInMs: expect.any(Number) });
    expect(rig.sim.ledger().totals.submits).toBe(0);
  });

  const doubtful: Record<string, unknown> = {
    'says that the order was about to be sent': { stage: 'sending', at, searchAttributes: ['RunComfyModel'] },
    'says that it was accepted, without an id': { stage: 'accepted', at },
    'says something unknown': { stage: 'posted' },
    'is no object': 'sending',
    'is null': null,
  };
  for (const [name, heartbeatDetails] of Object.entries(doubtful)) {
    it(`is unknown where the last heartbeat ${name}, and sends nothing`, async () => {
      const rig = await activitiesOnSimulator();
      const attempt = await rig.attempt(rig.activities.submitRequest, paidOrder, { attempt: 2, heartbeatDetails });
      expect(attempt.failure).toMatchObject({ type: 'SubmitOutcomeUnknown', nonRetryable: true });
      expect(detailsOf(attempt)).toMatchObject({ submission: 'unknown', mayBeHandedOver: true });
      expect(attempt.heartbeats).toEqual([]);
      expect(rig.sim.ledger().totals.submits).toBe(0);
    });
  }

  it('tells what helps to decide about an order of unknown outcome', async () => {
    const rig = await activitiesOnSimulator();
    const balanceBefore = { microdollars: 5, readAt: at };
    const attempt = await rig.attempt(rig.activities.submitRequest, paidOrder, {
      attempt: 2,
      heartbeatDetails: { stage: 'sending', at, balanceBefore, searchAttributes: ['RunComfyModel'] },
    });
    expect(detailsOf(attempt)).toMatchObject({ sentAt: at, balanceBefore, searchAttributes: ['RunComfyModel'] });
  });

  it('goes on where the last heartbeat says that nothing was sent', async () => {
    const rig = await activitiesOnSimulator();
    const { value } = await rig.attempt(rig.activities.submitRequest, paidOrder, {
      attempt: 3,
      heartbeatDetails: { stage: 'not_sent', at },
    });
    expect(value?.requestId).toBe(rig.sim.ledger().jobs[0]?.id);
  });
});

describe('submitRequest, once the deadline of its order has passed:', () => {
  it('sends nothing, and says so, whatever kept it from a worker until then', async () => {
    const rig = await activitiesOnSimulator();
    const deadlineAt = new Date(Date.now() - 1_000).toISOString();
    const attempt = await rig.attempt(rig.activities.submitRequest, { ...paidOrder, deadlineAt });
    expect(detailsOf(attempt)).toEqual({ submission: 'not_sent' });
    expect(attempt.failure?.message).toContain('the deadline of the order has passed');
    expect(rig.sim.ledger().totals.submits).toBe(0);
  });

  it('sends nothing where it passes while the order is prepared', async () => {
    const rig = await activitiesOnSimulator({
      deps: { validator: { validate: () => sleep(600).then(() => ({ issues: [], warnings: [] })) } },
    });
    const deadlineAt = new Date(Date.now() + 500).toISOString();
    const attempt = await rig.attempt(rig.activities.submitRequest, { ...paidOrder, deadlineAt });
    expect(detailsOf(attempt)).toMatchObject({ submission: 'not_sent' });
    expect(attempt.heartbeats.at(-1)).toMatchObject({ stage: 'not_sent' });
    expect(rig.sim.ledger().totals.submits).toBe(0);
  });
});
