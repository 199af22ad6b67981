import { afterEach, describe, expect, it, vi } from 'vitest';
import type { FaultRule } from '../../simulator/index.ts';
import { activitiesOnSimulator, askOn, type Attempt, detailsOf, readAgain } from '../support/activity-rig.ts';
import { kling } from '../support/simulator-client.ts';

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

type Rig = Awaited<ReturnType<typeof activitiesOnSimulator>>;

const question = (requestId: string) => ({ model: kling, requestId });

async function expectNewAfterOutage(rig: Rig, requestId: string, rule: FaultRule): Promise<void> {
  rig.sim.setFaults([rule]);
  const first = await rig.attempt(rig.activities.readStatus, question(requestId));
  rig.sim.setFaults([{ fault: 'reset', step: 'status' }]);
  vi.setSystemTime(Date.now() + 600_000);
  const outage = await readAgain(rig, requestId, first);
  rig.sim.setFaults([rule]);
  const last = await readAgain(rig, requestId, outage, 3);
  expect(last.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
}

describe('a request that RunComfy does not know', () => {
  const notFound: FaultRule = { fault: 'not-found', step: 'status' };
  const unsigned: FaultRule = { fault: 'http-status', step: 'status', httpStatus: 404, body: { detail: 'Not Found' } };

  it('is only given up by a read after 30 s of lasting 404s, which comes as these end', async () => {
    const rig = await activitiesOnSimulator();
    const requestId = await rig.order();
    rig.sim.setFaults([notFound]);
    const start = Date.now();
    vi.setSystemTime(start);
    // An attempt takes no time here, so that only the waits between them count.
    vi.spyOn(performance, 'now').mockImplementation(() => Date.now() - start + 1_000);
    let attempt = await rig.attempt(rig.activities.readStatus, question(requestId));
    let reads = 1;
    let waitedMs = 0;
    while (attempt.failure?.nonRetryable === false) {
      expect(attempt.failure).toMatchObject({ type: 'ServiceUnavailable' });
      expect(detailsOf(attempt).httpStatus).toBe(404);
      const delayMs = Number(attempt.failure.nextRetryDelay);
      expect(delayMs).toBeGreaterThanOrEqual(1);
      waitedMs += delayMs;
      vi.setSystemTime(start + waitedMs);
      attempt = await readAgain(rig, requestId, attempt, (reads += 1));
    }
    expect(waitedMs).toBe(30_000);
    expect(attempt.failure).toMatchObject({ type: 'RequestNotFound', nonRetryable: true });
    expect(detailsOf(attempt)).toMatchObject({ httpStatus: 404, vendorCode: 404001, reads });
  });

  it('is forgotten as a doubt once it is found again', async () => {
    const rig = await activitiesOnSimulator();
    const requestId = await rig.order();
    rig.sim.setFaults([notFound]);
    const first = await rig.attempt(rig.activities.readStatus, question(requestId));
    rig.sim.setFaults([]);
    vi.setSystemTime(Date.now() + 60_000);
    const second = await readAgain(rig, requestId, first);
    expect(second.value).toMatchObject({ status: 'finished', reads: 2 });
  });

  it('stays a doubt through an outage, which neither ends nor confirms it', async () => {
    const rig = await activitiesOnSimulator();
    const requestId = await rig.order();
    rig.sim.setFaults([notFound]);
    const first = await rig.attempt(rig.activities.readStatus, question(requestId));
    rig.sim.setFaults([{ fault: 'reset', step: 'status' }]);
    vi.setSystemTime(Date.now() + 40_000);
    const outage = await readAgain(rig, requestId, first);
    expect(outage.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
    rig.sim.setFaults([notFound]);
    const after = await readAgain(rig, requestId, outage, 3);
    expect(after.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
    // Of the time until the second 404, a third of the 30 s counts.
    const last = await askOn(20_000, after, (before) => readAgain(rig, requestId, before));
    expect(last.failure).toMatchObject({ type: 'RequestNotFound', nonRetryable: true });
    expect(detailsOf(last).reads).toBe(7);
  });

  it('is not given up by the first answer after a time in which nobody asked', async () => {
    for (const rule of [notFound, { fault: 'empty-array', step: 'status' }] satisfies FaultRule[]) {
      const rig = await activitiesOnSimulator();
      const requestId = await rig.order();
      rig.sim.setFaults([rule]);
      let attempt = await rig.attempt(rig.activities.readStatus, question(requestId));
      for (const nth of [2, 3]) {
        vi.setSystemTime(Date.now() + 3_600_000);
        attempt = await readAgain(rig, requestId, attempt, nth);
        expect(attempt.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
        expect(Number(attempt.failure?.nextRetryDelay)).toBeLessThanOrEqual(30_000);
      }
    }
  });

  it('in JSON that anybody may have written is only given up after 10 minutes', async () => {
    const rig = await activitiesOnSimulator();
    const requestId = await rig.order();
    rig.sim.setFaults([unsigned]);
    const first = await rig.attempt(rig.activities.readStatus, question(requestId));
    vi.setSystemTime(Date.now() + 60_000);
    const second = await readAgain(rig, requestId, first);
    expect(second.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
    const third = await askOn(540_000, second, (before) => readAgain(rig, requestId, before));
    expect(third.failure).toMatchObject({ type: 'RequestNotFound', nonRetryable: true });
  });

  it('in such JSON is as new after an outage', async () => {
    const rig = await activitiesOnSimulator();
    const requestId = await rig.order();
    await expectNewAfterOutage(rig, requestId, unsigned);
  });

  it('is not given up by one reply of RunComfy’s own after 30 s of what anybody may have written', async () => {
    const rig = await activitiesOnSimulator();
    const requestId = await rig.order();
    rig.sim.setFaults([unsigned]);
    const first = await rig.attempt(rig.activities.readStatus, question(requestId));
    rig.sim.setFaults([notFound]);
    vi.setSystemTime(Date.now() + 30_000);
    const second = await readAgain(rig, requestId, first);
    expect(second.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
  });

  it('is neither confirmed nor ended as a doubt by what anybody may have written', async () => {
    const rig = await activitiesOnSimulator();
    const requestId = await rig.order();
    const ask = (fault: FaultRule, before: Attempt<unknown>) => {
      rig.sim.setFaults([fault]);
      return readAgain(rig, requestId, before);
    };
    rig.sim.setFaults([notFound]);
    const first = await rig.attempt(rig.activities.readStatus, question(requestId));
    vi.setSystemTime(Date.now() + 3_600_000);
    const between = await askOn(60_000, await ask(unsigned, first), (before) => ask(unsigned, before));
    vi.setSystemTime(Date.now() + 1_000);
    const second = await ask(notFound, between);
    expect(second.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
    const early = await askOn(15_000, second, (before, nth) => ask(nth % 2 ? notFound : unsigned, before));
    expect(early.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
    const last = await askOn(5_000, early, (before, nth) => ask(nth % 2 ? notFound : unsigned, before));
    expect(last.failure).toMatchObject({ type: 'RequestNotFound', nonRetryable: true });
  });

  it('in such JSON is given up after its own 10 minutes also where RunComfy itself once said so', async () => {
    const rig = await activitiesOnSimulator();
    const requestId = await rig.order();
    rig.sim.setFaults([notFound]);
    const own = await rig.attempt(rig.activities.readStatus, question(requestId));
    rig.sim.setFaults([unsigned]);
    vi.setSystemTime(Date.now() + 30_000);
    const first = await readAgain(rig, requestId, own);
    const early = await askOn(595_000, first, (before) => readAgain(rig, requestId, before));
    expect(early.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
    const last = await askOn(5_000, early, (before) => readAgain(rig, requestId, before));
    expect(last.failure).toMatchObject({ type: 'RequestNotFound', nonRetryable: true });
  });

  describe('whose heartbeat is of another version', () => {
    const ago = (ms: number) => Date.now() - ms;
    const lastDoubt = (sinceMs: number, atMs: number) => ({
      type: 'RequestNotFound',
      since: ago(sinceMs),
      at: ago(atMs),
    });

    async function askAfter(heartbeat: object, rule: FaultRule): Promise<Attempt<unknown>> {
      const rig = await activitiesOnSimulator();
      const requestId = await rig.order();
      rig.sim.setFaults([rule]);
      return await readAgain(rig, requestId, { heartbeats: [heartbeat] });
    }

    it('is not given up by one reply of RunComfy’s own after what anybody may have written', async () => {
      const doubt = { ...lastDoubt(120_000, 1_000), isUnsigned: true };
      const { failure } = await askAfter({ reads: 1, doubt }, notFound);
      expect(failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
    });

    it('in JSON that anybody may have written is given up after 10 minutes all the same', async () => {
      const doubt = { ...lastDoubt(610_000, 1_000), isUnsigned: true };
      const { failure } = await askAfter({ reads: 1, doubt }, unsigned);
      expect(failure).toMatchObject({ type: 'RequestNotFound', nonRetryable: true });
    });

    it('is as new where it was found again since', async () => {
      const before = { reads: 1, answeredAt: new Date(ago(1_000)).toISOString() };
      const { failure } = await askAfter({ ...before, unsignedDoubt: lastDoubt(610_000, 2_000) }, unsigned);
      expect(failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
      const stays = await askAfter({ ...before, unsignedDoubt: lastDoubt(610_000, 500) }, unsigned);
      expect(stays.failure).toMatchObject({ type: 'RequestNotFound', nonRetryable: true });
    });
  });

  it('is told at once when the id cannot be one', async () => {
    const rig = await activitiesOnSimulator();
    const attempt = await rig.attempt(rig.activities.readStatus, question('../balance'));
    expect(attempt.failure).toMatchObject({ type: 'RequestNotFound', nonRetryable: true });
    expect(rig.sim.ledger().totals.statusReads).toBe(0);
  });
});

describe('a reply of another shape than promised', () => {
  for (const fault of ['empty-array', 'null-body']) {
    it(`(${fault}) is ProtocolMismatch once it has lasted for 30 s, and an outage until then`, async () => {
      const rig = await activitiesOnSimulator();
      const requestId = await rig.order();
      rig.sim.setFaults([{ fault, step: 'status' }]);
      const first = await rig.attempt(rig.activities.readStatus, question(requestId));
      expect(first.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
      const early = await askOn(25_000, first, (before, nth) => readAgain(rig, requestId, before, nth));
      expect(early.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
      const last = await askOn(5_000, early, (before, nth) => readAgain(rig, requestId, before, nth));
      expect(last.failure).toMatchObject({ type: 'ProtocolMismatch', nonRetryable: true });
      expect(detailsOf(last).reads).toBe(9);
    });
  }

  it('is as new after an outage', async () => {
    const rig = await activitiesOnSimulator();
    const requestId = await rig.order();
    await expectNewAfterOutage(rig, requestId, { fault: 'empty-array', step: 'status' });
  });

  it('begins a grace of its own after a 404', async () => {
    const rig = await activitiesOnSimulator();
    const requestId = await rig.order();
    rig.sim.setFaults([{ fault: 'not-found', step: 'status' }]);
    const first = await rig.attempt(rig.activities.readStatus, question(requestId));
    rig.sim.setFaults([{ fault: 'empty-array', step: 'status' }]);
    vi.setSystemTime(Date.now() + 31_000);
    const second = await readAgain(rig, requestId, first);
    expect(second.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
  });
});
