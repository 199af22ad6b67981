import type { ServerResponse } from 'node:http';
import { ApplicationFailure } from '@temporalio/common';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { workKeyOf } from '../../runcomfy/models/index.ts';
import type { FaultRule, SimulatorOptions } from '../../simulator/index.ts';
import { activitiesAt, activitiesOnSimulator, detailsOf, paidOrder, token } from '../support/activity-rig.ts';
import { eventually } from '../support/eventually.ts';
import { clientOf, reply, serve } from '../support/http-servers.ts';
import { freePort } from '../support/processes.ts';

const badInput = { ...paidOrder, input: { ...paidOrder.input, duration: 2 } };

// A POST over which a busy machine takes its time has heartbeats of its own.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
});

describe('submitRequest', () => {
  it('has Temporal acknowledge that it is about to send before the first byte goes out', async () => {
    const submitsAtHeartbeat: number[] = [];
    const rig = await activitiesOnSimulator({
      onHeartbeat: () => {
        submitsAtHeartbeat.push(rig.sim.ledger().totals.submits);
      },
      deps: { recentBalance: () => ({ microdollars: 99_000_000, readAt: '2026-11-01T00:00:00.000Z' }) },
    });
    const asOf = '2026-11-01T10:00:00.000Z';
    const { value, heartbeats } = await rig.attempt(rig.activities.submitRequest, paidOrder, {
      currentAttemptScheduledTimestampMs: Date.parse(asOf),
    });

    expect(submitsAtHeartbeat).toEqual([0]);
    expect(rig.acknowledged).toEqual([
      {
        stage: 'sending',
        at: expect.any(String),
        searchAttributes: ['RunComfyModel'],
        searchAttributesAsOf: asOf,
        balanceBefore: { microdollars: 99_000_000, readAt: '2026-11-01T00:00:00.000Z' },
      },
    ]);
    expect(heartbeats).toEqual([]);
    const [job] = rig.sim.ledger().jobs;
    expect(value).toMatchObject({
      requestId: job?.id,
      submittedAt: expect.any(String),
      nextReadInMs: expect.any(Number),
      workKey: workKeyOf(paidOrder.model, paidOrder.input),
      searchAttributes: ['RunComfyModel'],
      searchAttributesAsOf: asOf,
    });
    expect(job?.input).toEqual(paidOrder.input);
  });

  it('sends nothing when Temporal does not acknowledge the heartbeat', async () => {
    const rig = await activitiesOnSimulator({
      onHeartbeat: () => {
        throw new Error('the activity was cancelled');
      },
    });
    const attempt = await rig.attempt(rig.activities.submitRequest, paidOrder);
    expect(attempt.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
    expect(detailsOf(attempt)).toEqual({ submission: 'not_sent' });
    expect(attempt.heartbeats).toEqual([{ stage: 'not_sent', at: expect.any(String) }]);
    expect(rig.sim.ledger().totals).toMatchObject({ submits: 0, accepted: 0 });
  });

  const clocks: Record<string, { now: () => number }> = {
    'went to sleep': Date,
    'was frozen': performance,
  };
  for (const [what, clock] of Object.entries(clocks)) {
    it(`sends nothing where its machine ${what} after the acknowledgement, longer than the server waits for it`, async () => {
      const now = clock.now.bind(clock);
      const rig = await activitiesOnSimulator({
        client: {
          token: () => {
            vi.spyOn(clock, 'now').mockImplementation(() => now() + 10_001);
            return token;
          },
        },
      });
      const attempt = await rig.attempt(rig.activities.submitRequest, paidOrder);
      expect(attempt.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
      expect(attempt.failure?.message).toContain('none within 10 s of telling Temporal');
      expect(detailsOf(attempt).submission).toBe('not_sent');
      expect(rig.acknowledged).toMatchObject([{ stage: 'sending' }]);
      expect(attempt.heartbeats).toEqual([{ stage: 'not_sent', at: expect.any(String) }]);
      expect(rig.sim.ledger().totals.submits).toBe(0);
    });
  }

  it('sends nothing where it is cancelled after the acknowledgement, before the first byte', async () => {
    const rig = await activitiesOnSimulator({
      client: {
        token: () => {
          rig.cancel();
          return token;
        },
      },
    });
    const attempt = await rig.attempt(rig.activities.submitRequest, paidOrder);
    expect(attempt.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
    expect(attempt.failure?.message).toContain('cancelled before');
    expect(detailsOf(attempt).submission).toBe('not_sent');
    expect(attempt.heartbeats).toEqual([{ stage: 'not_sent', at: expect.any(String) }]);
    expect(rig.sim.ledger().totals.submits).toBe(0);
  });

  const repliesInFlight: [string, (response: ServerResponse) => void][] = [
    [
      'a1b2',
      (response) => {
        reply(response, 200, { request_id: 'a1b2' });
      },
    ],
    [
      'unknown',
      (response) => {
        response.socket?.destroy();
      },
    ],
  ];
  it.each(repliesInFlight)('finishes a POST in flight when it is cancelled (%s)', async (outcome, answer) => {
    const server = await serve((response) => {
      rig.cancel();
      answer(response);
    });
    const rig = activitiesAt(`http://127.0.0.1:${String(server.port)}`);
    const attempt = await rig.attempt(rig.activities.submitRequest, paidOrder);
    expect(server.seen).toHaveLength(1);
    expect(attempt.value?.requestId ?? detailsOf(attempt).submission).toBe(outcome);
    expect(attempt.heartbeats).toEqual([]);
  });

  it('hands the request id over for keeping before it returns it', async () => {
    const rig = await activitiesOnSimulator();
    const { value } = await rig.attempt(rig.activities.submitRequest, paidOrder);
    expect(rig.kept).toEqual([
      {
        taskToken: Buffer.from('test'),
        workflowId: 'test',
        firstExecutionRunId: 'first-run',
        requestId: value?.requestId,
        heartbeatDetails: { ...rig.acknowledged[0], stage: 'accepted', requestId: value?.requestId },
      },
    ]);
  });

  it('goes on sending heartbeats while the reply is slow, and its last heartbeat carries the id', async () => {
    vi.useRealTimers();
    const rig = await activitiesOnSimulator({
      simulator: { faults: [{ fault: 'accept-then-delay', step: 'submit', delayMs: 3_600 }] },
    });
    const { value, heartbeats } = await rig.attempt(rig.activities.submitRequest, paidOrder);
    const stages = heartbeats.map((details) => (details as { stage: string }).stage);
    expect(new Set(stages.slice(0, -1))).toEqual(new Set(['sending']));
    expect(heartbeats.at(-1)).toMatchObject({ stage: 'accepted', requestId: value?.requestId });
  });

  it('passes on what is odd about an input but stops nothing', async () => {
    const rig = await activitiesOnSimulator();
    const odd = { ...paidOrder, input: { ...paidOrder.input, promt: 'x' } };
    const { value } = await rig.attempt(rig.activities.submitRequest, odd);
    expect(value?.warnings?.join()).toContain('promt');
    expect(rig.sim.ledger().jobs[0]?.input).toEqual(odd.input);
  });

  it('sends nothing, and asks for no heartbeat, when the input does not fit the model', async () => {
    const rig = await activitiesOnSimulator();
    const twiceBad = { ...badInput, input: { ...badInput.input, promt: 'a' } };
    const attempt = await rig.attempt(rig.activities.submitRequest, twiceBad);
    expect(attempt.failure).toMatchObject({ type: 'InvalidInput', nonRetryable: true });
    expect(attempt.failure?.message).toMatch(/\$\.duration.*; also: .*promt/);
    expect(detailsOf(attempt)).toMatchObject({ submission: 'not_sent', issues: [{ path: '$.duration' }] });
    expect(rig.acknowledged).toEqual([]);
    expect(rig.sim.ledger().totals.submits).toBe(0);
  });

  it('sends nothing when the check itself fails, and may be tried again', async () => {
    const rig = await activitiesOnSimulator({
      deps: { validator: { validate: () => Promise.reject(new Error('no catalogue')) } },
    });
    const attempt = await rig.attempt(rig.activities.submitRequest, paidOrder);
    expect(attempt.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
    expect(attempt.failure?.message).toContain('no catalogue');
    expect(detailsOf(attempt).submission).toBe('not_sent');
    expect(rig.sim.ledger().totals.submits).toBe(0);
  });

  it('sends nothing in a retry while another run of the key may be billed', async () => {
    const asked: unknown[] = [];
    const rig = await activitiesOnSimulator({
      deps: {
        checkNewerRuns: (...about) => {
          asked.push(about);
          const details = [{ submission: 'not_sent' }];
          return Promise.reject(
            ApplicationFailure.create({ type: 'InvalidInput', message: 'ordered again', nonRetryable: true, details }),
          );
        },
      },
    });
    // Whatever else is wrong with it: what it is refused for first is what its end tells of the key.
    const order = { ...paidOrder, input: {}, retryOfRunId: 'unbilled-run' };
    const attempt = await rig.attempt(rig.activities.submitRequest, order);
    expect(asked).toEqual([['test', '00000000-0000-0000-0000-000000000000', 'unbilled-run']]);
    expect(attempt.failure).toMatchObject({ type: 'InvalidInput', message: 'ordered again' });
    expect(rig.sim.ledger().totals.submits).toBe(0);
  });

  it('proves that nothing was sent where nobody listens', async () => {
    const rig = activitiesAt(`http://127.0.0.1:${String(await freePort())}`);
    const attempt = await rig.attempt(rig.activities.submitRequest, paidOrder);
    expect(attempt.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
    expect(attempt.failure?.nextRetryDelay).toBeUndefined();
    expect(detailsOf(attempt).submission).toBe('not_sent');
    expect(attempt.heartbeats).toEqual([{ stage: 'not_sent', at: expect.any(String) }]);
  });
});

const always = (fault: string, more: Partial<FaultRule> = {}): SimulatorOptions => ({
  faults: [{ fault, step: 'submit', ...more }],
});

/** Faults under which nobody can tell, and how many jobs RunComfy then has. */
const unknowns: [string, number, Partial<FaultRule>?][] = [
  ['accept-then-reset', 1],
  ['accept-then-reset-after-headers', 1],
  ['accept-then-cut-body', 1],
  ['accept-then-hang', 1],
  ['accept-then-408', 1],
  ['accept-then-500', 1],
  ['accept-then-502', 1],
  ['accept-then-503', 1],
  ['accept-then-504', 1],
  ['reset-before-accept', 0],
  ['unavailable-bare', 0],
  ['no-request-id', 1],
  ['blank-request-id', 1],
  ['non-string-request-id', 1],
  ['code-beside-request-id', 1],
  ['not-json', 1],
  ['empty-body', 1],
  ['empty-array', 1],
  ['empty-object', 1],
  ['null-body', 1],
  ['html-body', 1],
  ['redirect-302', 0],
  ['redirect-307', 0],
  ['http-status', 0, { httpStatus: 500 }],
];

describe('submitRequest, of unknown outcome:', () => {
  for (const [fault, jobs, more] of unknowns) {
    it(`${fault} is SubmitOutcomeUnknown, never to be repeated`, async () => {
      const rig = await activitiesOnSimulator({
        simulator: always(fault, more),
        ...(fault === 'accept-then-hang' && { client: { timeouts: { submit: { headersMs: 1_500 } } } }),
      });
      const attempt = await rig.attempt(rig.activities.submitRequest, paidOrder);
      expect(attempt.failure).toMatchObject({ type: 'SubmitOutcomeUnknown', nonRetryable: true });
      expect(attempt.failure?.nextRetryDelay).toBeUndefined();
      expect(detailsOf(attempt)).toMatchObject({
        submission: 'unknown',
        sentAt: rig.acknowledged[0]?.at,
        searchAttributes: ['RunComfyModel'],
        searchAttributesAsOf: rig.acknowledged[0]?.searchAttributesAsOf,
      });
      // A heartbeat that says "not sent" would let a later look take it for harmless.
      expect(attempt.heartbeats).toEqual([]);
      // What was given up here may still be on its way.
      await eventually(() => expect(rig.sim.ledger().totals).toMatchObject({ submits: 1, accepted: jobs }));
    });
  }

  it('keeps the token out of every failure, also where RunComfy echoes it', async () => {
    const { port } = await serve((response, { headers }) => {
      reply(response, 500, { error_code: 500001, error_message: `bad header ${String(headers.authorization)}` });
    });
    const rig = activitiesAt(`http://127.0.0.1:${String(port)}`, {
      deps: { runcomfy: clientOf(port, { token: () => token }) },
    });
    const { failure } = await rig.attempt(rig.activities.submitRequest, paidOrder);
    expect(failure?.message).toContain('bad header');
    expect(JSON.stringify([failure, failure?.message, failure?.stack, failure?.details])).not.toContain(token);
  });
});
