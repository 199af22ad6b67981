import { describe, expect, it } from 'vitest';
import { activitiesOnSimulator, paidOrder } from '../support/activity-rig.ts';

describe('an order that RunComfy accepted before', () => {
  it('is taken over and not sent again, however odd its input has become', async () => {
    const acceptedAt = '2026-11-01T12:00:00.000Z';
    const asked: unknown[] = [];
    const { activities, attempt, sim } = await activitiesOnSimulator({
      deps: {
        acceptedBefore: (chain) => {
          asked.push(chain);
          return Promise.resolve({ requestId: 'request-1', acceptedAt });
        },
      },
    });
    const { value } = await attempt(activities.submitRequest, { ...paidOrder, input: { prompt: 7 } });
    expect(value).toMatchObject({ requestId: 'request-1', submittedAt: acceptedAt, nextReadInMs: 0 });
    expect(value?.warnings).toEqual([expect.stringContaining('nothing was sent again')]);
    expect(asked).toEqual([expect.objectContaining({ firstExecutionRunId: 'first-run' })]);
    expect(sim.ledger().totals.accepted).toBe(0);
  });

  it('is sent where nothing is known of it', async () => {
    const { activities, attempt, sim } = await activitiesOnSimulator();
    const { value } = await attempt(activities.submitRequest, paidOrder);
    expect(value?.requestId).toBe(sim.ledger().jobs[0]?.id);
    expect(sim.ledger().totals.accepted).toBe(1);
  });
});
