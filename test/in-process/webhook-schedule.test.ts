import { defaultPayloadConverter } from '@temporalio/common';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { type Delivery, type DeliveryAnswer, retryStepsMs } from '../../domain/webhook/webhook.ts';
import { msOf } from '../fuzz/pipelines/replay.ts';
import { type Job, openSandbox, type Sandbox } from '../support/workflow-sandbox.ts';

const startedAt = Date.parse('2026-11-26T05:00:00.000Z');
const failed = { verdict: 'failed', durationMs: 12, httpStatus: 500 } as const;

let sandbox: Sandbox;
let opened = 0;
beforeAll(async () => {
  sandbox = await openSandbox({ codePath: inject('workflowBundlePath') });
});
afterAll(() => sandbox.close());

type Answer = Omit<DeliveryAnswer, 'at'> | 'lost';

/** Runs a delivery to its end on a clock of its own. `retries`: before which attempts somebody asks for it now. */
async function deliver(answers: (attempt: number) => Answer, retries: readonly number[] = []) {
  const data = { key: 'k', runId: 'r', model: 'a/b', phase: 'failed', submission: 'accepted' };
  const body = { type: 'generation.failed', timestamp: new Date(startedAt).toISOString(), data };
  const order = { webhookId: 'evt_r_generation.failed', url: 'https://hooks.example/?token=t', secret: 'acme', body };
  opened += 1;
  const run = await sandbox.open({
    workflowType: 'runcomfyWebhook',
    workflowId: 'k/webhook/generation.failed',
    runId: `run-${String(opened)}`,
    args: [order],
    now: startedAt,
  });
  let now = startedAt;
  let events = 1;
  const waitedMs: number[] = [];
  let jobs: Job[] = [run.first];
  for (let attempt = 0; ;) {
    const commands = await run.activate(jobs, { now });
    events += 3;
    jobs = [];
    for (const { scheduleActivity, startTimer, completeWorkflowExecution, failWorkflowExecution } of commands) {
      if (completeWorkflowExecution || failWorkflowExecution) {
        const delivery = (await run.query('delivery')) as Delivery;
        await run.dispose();
        const failure = failWorkflowExecution?.failure;
        const { metrics, warnings } = run;
        const type = failure?.applicationFailureInfo?.type;
        return {
          delivery,
          waitedMs,
          events: events + 1,
          type,
          told: { metrics, warnings },
          message: failure?.message,
        };
      }
      if (scheduleActivity) {
        expect(scheduleActivity).toMatchObject({
          taskQueue: 'in-process-webhooks',
          retryPolicy: { maximumAttempts: 1 },
        });
        events += 3;
        attempt += 1;
        const answer = answers(attempt);
        const { seq } = scheduleActivity;
        if (answer === 'lost') {
          const failure = { message: 'activity timed out', timeoutFailureInfo: { timeoutType: 1 } };
          jobs.push({
            resolveActivity: {
              seq: seq ?? 0,
              result: {
                failed: {
                  failure: {
                    message: '',
                    cause: failure,
                    activityFailureInfo: { activityType: { name: 'deliverWebhook' }, activityId: '1' },
                  },
                },
              },
            },
          });
        } else {
          const result = defaultPayloadConverter.toPayload({ at: new Date(now).toISOString(), ...answer });
          jobs.push({ resolveActivity: { seq: seq ?? 0, result: { completed: { result } } } });
        }
      }
      if (startTimer) {
        const ms = msOf(startTimer.startToFireTimeout);
        events += 2;
        waitedMs.push(ms);
        if (retries.includes(attempt + 1)) {
          jobs.push({ signalWorkflow: { signalName: 'retryNow', input: [] } });
        } else {
          now += ms;
          jobs.push({ fireTimer: { seq: startTimer.seq ?? 0 } });
        }
      }
    }
  }
}

it('a dead endpoint gets eight attempts over more than a day, in at most 90 events', async () => {
  const { delivery, waitedMs, events, type } = await deliver(() => failed);
  expect(type).toBe('WebhookNotDelivered');
  expect(delivery).toMatchObject({ state: 'exhausted', url: 'https://hooks.example/' });
  expect(delivery.attempts).toHaveLength(8);
  expect(events).toBeLessThanOrEqual(90);
  expect(waitedMs).toHaveLength(retryStepsMs.length);
  for (const [step, ms] of waitedMs.entries()) {
    const stepMs = retryStepsMs[step] ?? 0;
    expect(ms).toBeGreaterThanOrEqual(stepMs * 0.9);
    expect(ms).toBeLessThanOrEqual(stepMs * 1.1);
  }
  expect(new Set(waitedMs.map((ms, step) => ms / (retryStepsMs[step] ?? 1))).size).toBeGreaterThan(1);
});

it('a receiver that fails twice is told by the third attempt', async () => {
  const { delivery, waitedMs, type } = await deliver((attempt) =>
    attempt < 3 ? failed : { verdict: 'delivered', durationMs: 5, httpStatus: 200 },
  );
  expect(type).toBeUndefined();
  expect(delivery).toMatchObject({
    state: 'delivered',
    attempts: [{ httpStatus: 500 }, { httpStatus: 500 }, { httpStatus: 200 }],
  });
  expect(delivery.deliveredAt).toBe(delivery.attempts.at(-1)?.at);
  expect(delivery).not.toHaveProperty('nextAttemptAt');
  expect(waitedMs).toHaveLength(2);
});

it.each([
  ['gone', [], 1],
  ['refused', [], 0],
  ['gone', [failed], 2],
  ['refused', [failed], 1],
] as const)('%s ends it at once, after %j: so many attempts were made: %i', async (verdict, before, attempts) => {
  const { delivery, waitedMs, type, message } = await deliver(
    (attempt) => before[attempt - 1] ?? { verdict, durationMs: 1, error: 'it says no' },
  );
  expect([delivery.state, delivery.attempts.length, waitedMs.length, type]).toEqual([
    verdict,
    attempts,
    before.length,
    'WebhookNotDelivered',
  ]);
  expect(delivery.refusedBecause).toBe(verdict === 'refused' ? 'it says no' : undefined);
  expect(message).toContain(`(${verdict} after ${String(attempts)} attempts): it says no`);
});

it.each([
  ['delivered', 'delivered', []],
  ['gone', 'gone', ['it says no']],
  ['refused', 'refused', ['it says no']],
  ['failed', 'exhausted', ['it says no']],
] as const)('counts what came of it, and warns where nothing arrived: %s', async (verdict, outcome, reasons) => {
  const { told } = await deliver(() => ({ verdict, durationMs: 1, error: 'it says no' }));
  expect(told.metrics).toMatchObject([{ name: 'runcomfy_webhooks', value: 1, tags: { outcome } }]);
  expect(told.warnings).toMatchObject(
    reasons.map((reason) => ({ message: 'webhook not delivered', attributes: { state: outcome, reason } })),
  );
});

it('waits as long as the receiver asks, where that is longer than the step', async () => {
  const { waitedMs } = await deliver((attempt) =>
    attempt === 3 ? { verdict: 'gone', durationMs: 1 } : { ...failed, retryAfterMs: 600_000 },
  );
  expect(waitedMs).toEqual([600_000, 600_000]);
});

it('an attempt that was lost with its worker is one that failed', async () => {
  const { delivery } = await deliver((attempt) =>
    attempt === 1 ? 'lost' : { verdict: 'delivered', durationMs: 1, httpStatus: 200 },
  );
  expect(delivery.state).toBe('delivered');
  expect(delivery.attempts[0]?.error).toMatch(/worker was lost/);
});

it('an attempt that somebody asks for takes none of the schedule, and thirty are enough', async () => {
  const { delivery, waitedMs } = await deliver(() => failed, [2, 3]);
  expect(delivery.attempts).toHaveLength(10);
  expect(waitedMs.slice(0, 3).every((ms) => ms < 10_000)).toBe(true);
  const many = await deliver(
    () => failed,
    Array.from({ length: 100 }, (_, at) => at),
  );
  expect(many.delivery).toMatchObject({ state: 'exhausted' });
  expect(many.delivery.attempts).toHaveLength(30);
});

it('an order that cannot be understood ends as InvalidInput', async () => {
  const run = await sandbox.open({
    workflowType: 'runcomfyWebhook',
    workflowId: 'junk',
    runId: 'junk',
    args: ['junk'],
    now: startedAt,
  });
  const [command] = await run.activate([run.first], { now: startedAt });
  expect(command?.failWorkflowExecution?.failure?.applicationFailureInfo?.type).toBe('InvalidInput');
  await run.dispose();
});
