import type { Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { CancelQuestion } from '../../domain/activities.ts';
import type { RunComfyClientOptions } from '../../runcomfy/client.ts';
import type { FaultRule } from '../../simulator/index.ts';
import { activitiesAt, activitiesOnSimulator } from '../support/activity-rig.ts';
import { eventually } from '../support/eventually.ts';
import { reply, serve, serveTcp } from '../support/http-servers.ts';
import { kling } from '../support/simulator-client.ts';
import { onTestFinished } from '../support/test-end.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

type Timeouts = NonNullable<RunComfyClientOptions['timeouts']>;

async function cancelUnder(
  faults: Omit<FaultRule, 'step'>[],
  stage: 'queue' | 'run' | 'done',
  timeouts: Timeouts = {},
) {
  const rig = await activitiesOnSimulator({ client: { timeouts } });
  const requestId = await rig.order(stage);
  if (stage === 'done') await rig.attempt(rig.activities.readStatus, { model: kling, requestId });
  rig.sim.setFaults(faults.map((fault) => ({ ...fault, step: 'cancel' })));
  const cancel = (more: Partial<CancelQuestion> = {}) =>
    rig.attempt(rig.activities.cancelRequest, { model: kling, requestId, ...more });
  const jobState = () => rig.sim.ledger().jobs.find(({ id }) => id === requestId)?.state;
  return { rig, requestId, cancel, jobState };
}

describe('cancelRequest', () => {
  it('stops a request that waits in the queue', async () => {
    const { cancel, jobState, rig } = await cancelUnder([], 'queue');
    const { value } = await cancel();
    expect(value).toEqual({
      outcome: 'cancelled',
      status: 'cancelled',
      costUsd: 0,
      reads: 2,
      readAt: expect.any(String),
    });
    expect(jobState()).toBe('cancelled');
    expect(rig.sim.ledger().totals.chargedUsd).toBe(0);
  });

  it('says which search attributes there are where it is asked to', async () => {
    const { cancel } = await cancelUnder([], 'queue');
    const known = { searchAttributes: ['RunComfyModel'], searchAttributesAsOf: expect.any(String) };
    expect((await cancel({ wantsSearchAttributes: true })).value).toMatchObject({ outcome: 'cancelled', ...known });
  });

  it('tells what a request cost that was charged although it was stopped, or had ended', async () => {
    const stopped = await cancelUnder([], 'queue');
    stopped.rig.sim.setSwitches({ charge_on: 'submit', charge_cancelled_in_queue: true });
    const ended = await cancelUnder([], 'done');
    for (const { cancel, rig } of [stopped, ended]) {
      const { value } = await cancel();
      expect(value?.costUsd).toBe(rig.sim.ledger().totals.chargedUsd);
    }
    const mute = await cancelUnder([], 'queue');
    mute.rig.sim.setFaults([{ fault: 'hang', step: 'result' }]);
    expect((await mute.cancel()).value).toMatchObject({ outcome: 'cancelled', status: 'cancelled' });
  });

  it('says that running or finished work could not be stopped', async () => {
    const running = await cancelUnder([], 'run');
    expect((await running.cancel()).value).toMatchObject({ outcome: 'not_cancellable', status: 'in_progress' });
    expect(running.jobState()).toBe('in_progress');
    const done = await cancelUnder([], 'done');
    expect((await done.cancel()).value).toMatchObject({ outcome: 'not_cancellable', status: 'finished' });
    expect(done.jobState()).toBe('succeeded');
  });

  it('is told the same when it is asked for twice', async () => {
    const { cancel, jobState } = await cancelUnder([], 'queue');
    await cancel();
    expect((await cancel()).value).toMatchObject({ outcome: 'cancelled' });
    expect(jobState()).toBe('cancelled');
  });

  for (const fault of [
    'cancel-race',
    'cancel-not-cancellable-but-cancelled',
    'cancel-reset',
    'cancel-without-outcome',
    'not-json',
    'empty-body',
    'empty-object',
    'html-body',
    'cut-body',
  ]) {
    it(`tells what the ledger tells under ${fault}`, async () => {
      const { cancel, jobState } = await cancelUnder([{ fault }], 'queue');
      const { value } = await cancel();
      const isStopped = jobState() === 'cancelled';
      expect(value?.outcome).toBe(isStopped ? 'cancelled' : 'not_cancellable');
      expect(isStopped).toBe(fault !== 'cancel-race');
    });
  }

  it('takes the outcome by its word when the documented example pairs it with another status', async () => {
    const { cancel, jobState, rig } = await cancelUnder([], 'queue');
    rig.sim.setSwitches({ cancel_status_field: 'completed', cancelled_spelling: 'canceled' });
    expect((await cancel()).value).toMatchObject({ outcome: 'cancelled' });
    expect(jobState()).toBe('cancelled');
  });

  for (const [fault, more] of [
    ['cancel-500', {}],
    ['cancel-404', {}],
    ['cancel-hang', {}],
    ['reset', {}],
    ['rate-limited', { retryAfter: 1 }],
    ['token-revoked', {}],
  ] as const) {
    it(`tries again under ${fault} as long as the work still waits`, async () => {
      const timeouts: Timeouts = fault === 'cancel-hang' ? { cancel: { headersMs: 400 } } : {};
      const { cancel, jobState, rig } = await cancelUnder([{ fault, ...more, times: 1 }], 'queue', timeouts);
      const first = await cancel();
      // Else what hangs would be left for the second.
      await eventually(() => expect(rig.sim.faults()).toMatchObject([{ fired: 1 }]));
      // Only what hangs is given little time: a busy machine takes longer for what is answered.
      delete timeouts.cancel;
      expect(first.failure).toMatchObject({ nonRetryable: false });
      expect(jobState()).toBe('in_queue');
      const second = await cancel();
      // Two of the status, one of the cost.
      expect(second.value).toMatchObject({ outcome: 'cancelled', reads: 3 });
      expect(rig.sim.ledger().totals.statusReads).toBe(2);
    });
  }

  it('asks for half a minute in all, of which the time without a worker is no part', async () => {
    const { rig, requestId } = await cancelUnder([{ fault: 'cancel-500' }], 'queue');
    const cancel = { model: kling, requestId, readsSoFar: 0 };
    const attempts: Awaited<ReturnType<typeof rig.attempt>>[] = [];
    const scheduledAt = Date.now() - 3_600_000;
    do {
      const heartbeatDetails = attempts.at(-1)?.heartbeats.at(-1);
      const info = { attempt: attempts.length + 1, heartbeatDetails, scheduledTimestampMs: scheduledAt };
      attempts.push(await rig.attempt(rig.activities.cancelRequest, cancel, info));
    } while (attempts.at(-1)?.failure?.nonRetryable === false && attempts.length < 20);
    const backoffs = attempts.map(({ failure }) => failure?.nextRetryDelay);
    // Attempts take a moment of their own, so that the last pauses may fall to them.
    expect(backoffs.slice(0, 5)).toEqual([1_000, 2_000, 4_000, 5_000, 5_000]);
    expect(attempts.length).toBeLessThanOrEqual(8);
    const last = { type: 'ServiceUnavailable', nonRetryable: true, details: [{ reads: attempts.length }] };
    expect(attempts.at(-1)?.failure).toMatchObject(last);
  });

  it('counts the reads of an attempt that another worker made', async () => {
    const { rig, requestId, cancel } = await cancelUnder([{ fault: 'cancel-500', times: 1 }], 'queue');
    const first = await cancel({ readsSoFar: 0 });
    expect(first.failure).toMatchObject({ nonRetryable: false, details: [{ reads: 1 }] });
    const other = activitiesAt(rig.sim.url);
    const question = { model: kling, requestId, readsSoFar: 0 };
    const info = { attempt: 2, heartbeatDetails: first.heartbeats.at(-1) };
    const { value } = await other.attempt(other.activities.cancelRequest, question, info);
    // Two of the status, one of the cost.
    expect(value).toMatchObject({ outcome: 'cancelled', reads: 3 });
  });

  it('counts how long RunComfy was silent', async () => {
    const timeouts = { cancel: { headersMs: 1_500 } };
    const { rig, requestId } = await cancelUnder([{ fault: 'cancel-hang' }], 'queue', timeouts);
    const cancel = { model: kling, requestId };
    const attempt = (heartbeatDetails?: unknown) =>
      rig.attempt(rig.activities.cancelRequest, cancel, { attempt: 2, heartbeatDetails });
    const first = await attempt();
    expect(first.failure).toMatchObject({ nonRetryable: false, nextRetryDelay: 2_000 });
    const [{ askedForMs = 0 } = {}] = first.heartbeats as { askedForMs?: number }[];
    expect(askedForMs).toBeGreaterThan(1_400 + 2_000);
    expect((await attempt({ askedForMs: 26_700 })).failure).toMatchObject({ nonRetryable: true });
  });

  it('looks again where an acknowledged cancel still shows the work in the queue', async () => {
    for (const [later, outcome] of [
      ['in_progress', 'not_cancellable'],
      ['cancelled', 'cancelled'],
    ] as const) {
      const words = ['in_queue', later];
      const { port } = await serve((response, { path }) => {
        if (path.endsWith('/status')) reply(response, 200, { status: words.shift() ?? later });
        else reply(response, 202, path.endsWith('/cancel') ? { outcome: 'cancelled' } : { status: later, cost: 0 });
      });
      const rig = activitiesAt(`http://127.0.0.1:${String(port)}`);
      const { value } = await rig.attempt(rig.activities.cancelRequest, { model: kling, requestId: 'a1b2' });
      expect(value).toMatchObject({ outcome, status: later });
      expect(words).toEqual([]);
    }
  });

  it('takes the word of the result for how the work ended where the status says only that it is over', async () => {
    for (const [result, outcome, status] of [
      ['cancelled', 'cancelled', 'cancelled'],
      ['succeeded', 'not_cancellable', 'finished'],
      ['in_progress', 'not_cancellable', 'finished'],
    ] as const) {
      const { port } = await serve((response, { path }) => {
        if (path.endsWith('/cancel')) reply(response, 202, { outcome: 'cancelled', status: 'completed' });
        else reply(response, 200, path.endsWith('/status') ? { status: 'completed' } : { status: result, cost: 0.1 });
      });
      const rig = activitiesAt(`http://127.0.0.1:${String(port)}`);
      const { value } = await rig.attempt(rig.activities.cancelRequest, { model: kling, requestId: 'a1b2' });
      expect(value).toEqual({ outcome, status, costUsd: 0.1, reads: 2, readAt: expect.any(String) });
    }
  });

  it('needs no answer to the cancel to see that the work runs', async () => {
    const { cancel } = await cancelUnder([{ fault: 'cancel-500' }], 'run');
    expect((await cancel()).value).toMatchObject({ outcome: 'not_cancellable', status: 'in_progress', reads: 1 });
  });

  it('takes the word of the cancel when the status cannot be read', async () => {
    const { cancel, rig } = await cancelUnder([], 'queue');
    rig.sim.setFaults([{ fault: 'reset', step: 'status' }]);
    const { value } = await cancel();
    expect(value).toEqual({ outcome: 'cancelled', reads: 1, readAt: expect.any(String) });
  });

  it('takes the word of the cancel within its attempt when the status read hangs', async () => {
    const rig = await activitiesOnSimulator();
    const requestId = await rig.order('queue');
    rig.sim.setFaults([{ fault: 'hang', step: 'status' }]);
    const limits = vi.spyOn(AbortSignal, 'timeout');
    const { value } = await rig.attempt(rig.activities.cancelRequest, { model: kling, requestId });
    expect(value).toMatchObject({ outcome: 'cancelled' });
    expect(limits.mock.calls).toEqual([[4_000]]);
  });

  it('tells in its attempt how long it has asked where no connection comes about', async () => {
    // TLS waits for the other side, as a connection to a host that is cut off does.
    const sockets: Socket[] = [];
    const { port } = await serveTcp((socket) => sockets.push(socket));
    const connectMs = 8_000;
    const rig = activitiesAt(`https://127.0.0.1:${String(port)}`, {
      client: { timeouts: { cancel: { connectMs, totalMs: 200 }, status: { connectMs } } },
    });
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
    });
    const timeout = AbortSignal.timeout.bind(AbortSignal);
    vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => timeout(ms / 20));
    const { failure, heartbeats } = await rig.attempt(rig.activities.cancelRequest, {
      model: kling,
      requestId: 'a1b2',
    });
    expect(failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false, details: [{ reads: 1 }] });
    const [{ askedForMs = 0 } = {}] = heartbeats as { askedForMs?: number }[];
    expect(askedForMs).toBeGreaterThan(400);
    expect(askedForMs).toBeLessThan(connectMs);
  });
});
