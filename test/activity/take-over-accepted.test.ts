import { describe, expect, it } from 'vitest';
import { openSubmitJournal } from '../../worker/spool/submit-journal.ts';
import { activitiesOnSimulator, detailsOf, paidOrder, type RigOptions } from '../support/activity-rig.ts';
import { temporaryFolder } from '../support/processes.ts';

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

  it.each([
    ['of an earlier submit where this one has not begun', undefined, 'first-run', true],
    ['of an earlier submit where this one sent nothing', { stage: 'not_sent' }, 'first-run', true],
    ['of nobody knows which submit where this one may have sent', { stage: 'sending' }, 'first-run', undefined],
    ['of nobody knows which submit where the run was reset', undefined, 'reset-run', undefined],
  ])('is told to be %s', async (_, heartbeatDetails, runId, isOfEarlierSubmit) => {
    const accepted = { requestId: 'request-1', acceptedAt: '2026-11-01T12:00:00.000Z' };
    const { activities, attempt } = await activitiesOnSimulator({
      deps: { acceptedBefore: () => Promise.resolve(accepted) },
    });
    const { value } = await attempt(activities.submitRequest, paidOrder, {
      attempt: 2,
      heartbeatDetails,
      workflowExecution: { workflowId: 'key', runId },
    });
    expect(value?.isOfEarlierSubmit).toBe(isOfEarlierSubmit);
  });

  it('is taken over by its own run, begun anew by a server that was restored from a backup, from the journal on the disk', async () => {
    const journal = openSubmitJournal(await temporaryFolder());
    const workflowExecution = { workflowId: 'key', runId: paidOrder.firstExecutionRunId };
    const options: RigOptions = {
      deps: {
        acceptedBefore: journal.find,
        keepRequestId: ({ requestId, workflowId, firstExecutionRunId, heartbeatDetails }) =>
          journal.append({ workflowId, firstExecutionRunId, requestId, acceptedAt: heartbeatDetails.at }),
      },
    };
    const { activities, attempt, sim } = await activitiesOnSimulator(options);
    const before = await attempt(activities.submitRequest, paidOrder, { workflowExecution });
    const again = await attempt(activities.submitRequest, paidOrder, { workflowExecution });
    expect(again.value?.requestId).toBe(before.value?.requestId);
    expect(await attempt(activities.recallSubmit, paidOrder, { workflowExecution })).toMatchObject({
      value: { requestId: before.value?.requestId },
    });
    expect(sim.ledger().totals.submits).toBe(1);
  });

  it('is unknown where a run before a reset may have submitted it, and is not sent while Temporal does not tell', async () => {
    const workflowExecution = { workflowId: 'key', runId: 'reset-run' };
    const sentAt = '2026-11-01T12:00:00.000Z';
    const unknown = await activitiesOnSimulator({
      deps: { submitBeforeReset: () => Promise.resolve({ kind: 'unknown', sentAt }) },
    });
    const { failure } = await unknown.attempt(unknown.activities.submitRequest, paidOrder, { workflowExecution });
    expect(failure).toMatchObject({
      type: 'SubmitOutcomeUnknown',
      nonRetryable: true,
      details: [{ submission: 'unknown', mayBeHandedOver: true, sentAt }],
    });
    const silent = await activitiesOnSimulator({
      deps: { submitBeforeReset: () => Promise.reject(new Error('unavailable')) },
    });
    const refused = await silent.attempt(silent.activities.submitRequest, paidOrder, { workflowExecution });
    expect(refused.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
    expect(detailsOf(refused)).toMatchObject({ submission: 'not_sent' });
    for (const { sim } of [unknown, silent]) expect(sim.ledger().totals.submits).toBe(0);
  });

  it('is sent where nothing is known of it', async () => {
    const { activities, attempt, sim } = await activitiesOnSimulator();
    const { value } = await attempt(activities.submitRequest, paidOrder);
    expect(value?.requestId).toBe(sim.ledger().jobs[0]?.id);
    expect(sim.ledger().totals.accepted).toBe(1);
  });
});
