import { ApplicationFailureCategory } from '@temporalio/common';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createWaitingKnowledge } from '../../activities/waiting/knowledge.ts';
import type { FaultRule } from '../../simulator/index.ts';
import { activitiesAt, activitiesOnSimulator, detailsOf, paidOrder, readAgain } from '../support/activity-rig.ts';
import { reply, serve } from '../support/http-servers.ts';
import { hangMs } from '../support/patience.ts';
import { freePort } from '../support/processes.ts';
import { kling } from '../support/simulator-client.ts';

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const question = (requestId: string) => ({ model: kling, requestId });

describe('readStatus', () => {
  it('says where a request stands, when it was looked at and when to look again', async () => {
    const rig = await activitiesOnSimulator();
    const requestId = await rig.order('queue');
    const { value } = await rig.attempt(rig.activities.readStatus, question(requestId));
    expect(value).toMatchObject({
      status: 'in_queue',
      queuePosition: expect.any(Number),
      reads: 1,
      readAt: expect.any(String),
      nextReadInMs: expect.any(Number),
    });
    rig.sim.release([requestId]);
    const after = await rig.attempt(rig.activities.readStatus, { ...question(requestId), wantsSearchAttributes: true });
    expect(after.value).toMatchObject({ status: 'finished', reads: 1, searchAttributes: ['RunComfyModel'] });
    expect(after.value?.queuePosition).toBeUndefined();
    expect(rig.sim.ledger().jobs[0]?.statusCalls).toBe(2);
  });

  it('says nothing of search attributes as long as the worker knows of none', async () => {
    const rig = await activitiesOnSimulator({ deps: { searchAttributes: () => [] } });
    const asked = { ...question(await rig.order('queue')), wantsSearchAttributes: true };
    const { value } = await rig.attempt(rig.activities.readStatus, asked);
    expect(value).not.toHaveProperty('searchAttributes');
  });

  it('says when work is likely over where such work is known, as the submit does, and no longer once it is over', async () => {
    const waiting = createWaitingKnowledge();
    const rig = await activitiesOnSimulator({ deps: { waiting } });
    const unknown = await rig.order('run');
    for (let count = 0; count < 8; count += 1) waiting.learn({ workKey: kling, model: kling, totalMs: 60_000 });
    const submittedAt = new Date(Date.now() - 20_000).toISOString();
    const ask = (requestId: string) =>
      rig.attempt(rig.activities.readStatus, { ...question(requestId), submittedAt, lastStatus: 'in_queue' });
    const { value: running } = await ask(unknown);
    const leftMs = Date.parse(running?.expectedEndAt ?? '') - Date.parse(submittedAt);
    expect(leftMs).toBeGreaterThan(50_000);
    expect(leftMs).toBeLessThan(70_000);
    const { value: accepted } = await rig.attempt(rig.activities.submitRequest, paidOrder);
    expect(Date.parse(accepted?.expectedEndAt ?? '') - Date.parse(accepted?.submittedAt ?? '')).toBeCloseTo(60_000, -4);
    expect((await ask(accepted?.requestId ?? '')).value).not.toHaveProperty('expectedEndAt');
  });

  it('goes on over a status word, or none, that nobody knows', async () => {
    const rig = await activitiesOnSimulator();
    const requestId = await rig.order('run');
    const words: [FaultRule, string][] = [
      [{ fault: 'unknown-status-word', step: 'status', word: 'Upscaling' }, 'Upscaling'],
      [{ fault: 'empty-status', step: 'status' }, ''],
      [{ fault: 'missing-status', step: 'status' }, ''],
    ];
    for (const [fault, statusWord] of words) {
      rig.sim.setFaults([fault]);
      const { value } = await rig.attempt(rig.activities.readStatus, question(requestId));
      expect(value).toMatchObject({ status: 'unrecognized', statusWord });
    }
  });
});

interface Row {
  fault: Omit<FaultRule, 'step'>;
  type: string;
  isFinal?: boolean;
  delayMs?: number;
  details?: object;
  /** What a result read notes to be in doubt. */
  doubt?: object;
}

const rows: Record<string, Row> = {
  'a token that is refused': {
    fault: { fault: 'token-revoked' },
    type: 'Unauthenticated',
    details: { httpStatus: 401 },
  },
  "a request that is someone else's": {
    fault: { fault: 'http-status', httpStatus: 403, errorCode: 403001 },
    type: 'Unauthenticated',
    isFinal: true,
    details: { httpStatus: 403, vendorCode: 403001, reads: 1 },
  },
  'a rate limit': { fault: { fault: 'rate-limited' }, type: 'RateLimited', details: { httpStatus: 429 } },
  'a rate limit with Retry-After': {
    fault: { fault: 'rate-limited', retryAfter: 9 },
    type: 'RateLimited',
    delayMs: 9_000,
  },
  'a 500': { fault: { fault: 'http-status', httpStatus: 500 }, type: 'ServiceUnavailable' },
  'a 502 of a gateway': { fault: { fault: 'http-5xx' }, type: 'ServiceUnavailable', details: { httpStatus: 502 } },
  'a 503 with Retry-After': {
    fault: { fault: 'unavailable-json', retryAfter: 4 },
    type: 'ServiceUnavailable',
    delayMs: 4_000,
  },
  'a reset': { fault: { fault: 'reset' }, type: 'ServiceUnavailable' },
  'no answer': { fault: { fault: 'hang' }, type: 'ServiceUnavailable' },
  'half an answer': { fault: { fault: 'cut-body' }, type: 'ServiceUnavailable' },
  'a page instead of JSON': { fault: { fault: 'html-body' }, type: 'ServiceUnavailable' },
  'an empty wallet, which no read should care about': {
    fault: { fault: 'http-status', httpStatus: 402, errorCode: 400002 },
    type: 'ServiceUnavailable',
  },
  'a refused question, which ends no paid work': {
    fault: { fault: 'http-status', httpStatus: 422, errorCode: 422001 },
    type: 'ServiceUnavailable',
    doubt: { type: 'GenerationFailed', since: expect.any(Number), at: expect.any(Number) },
  },
  'a redirect': { fault: { fault: 'redirect-302' }, type: 'ServiceUnavailable' },
};

describe('a read that meets', () => {
  for (const [name, { fault, type, isFinal = false, delayMs = 1_000, details = {}, doubt }] of Object.entries(rows)) {
    it(`${name} is ${type}, ${isFinal ? 'for good' : 'and read again'}, whichever the endpoint`, async () => {
      const rig = await activitiesOnSimulator({
        // A busy machine takes longer for what is answered.
        ...(fault.fault === 'hang' && {
          client: { timeouts: { status: { totalMs: 400 }, result: { totalMs: 400 } } },
        }),
        // Each endpoint for itself: after a 429 of one, the worker's pacer would hold the other back.
        deps: {
          readPacer: {
            takeTurn: () => Promise.resolve(0),
            skipTurn: () => undefined,
            slowDown: () => undefined,
            stopAll: () => undefined,
          },
        },
      });
      const requestId = await rig.order();
      rig.sim.setFaults(['status' as const, 'result' as const].map((step) => ({ ...fault, step })));
      const { readStatus, fetchResult } = rig.activities;
      const finishedSince = new Date().toISOString();
      const attempts = [
        await rig.attempt(readStatus, question(requestId), { activityId: 'a' }),
        await rig.attempt(fetchResult, { ...question(requestId), finishedSince }, { activityId: 'b' }),
      ];
      for (const [index, attempt] of attempts.entries()) {
        expect(attempt.failure).toMatchObject({ type, nonRetryable: isFinal });
        expect(attempt.failure?.nextRetryDelay).toBe(isFinal ? undefined : delayMs);
        expect(attempt.failure?.category).toBe(isFinal ? undefined : ApplicationFailureCategory.BENIGN);
        expect(detailsOf(attempt)).toMatchObject(details);
        // What failed is counted by those after it, of either kind; a failure that is final tells it itself.
        const heartbeat = { reads: index + 1, ...(doubt && index === 1 && { doubt }) };
        expect(attempt.heartbeats).toEqual(isFinal ? [] : [heartbeat]);
      }
    });
  }

  it('a 429 holds back every read of the worker, not one request', async () => {
    const rig = await activitiesOnSimulator();
    const requestId = await rig.order();
    rig.sim.setFaults([{ fault: 'rate-limited', step: 'status', times: 1, retryAfter: 60 }]);
    await rig.attempt(rig.activities.readStatus, question(requestId), { activityId: 'a' });
    const { failure } = await rig.attempt(rig.activities.readStatus, question('another-request'), { activityId: 'b' });
    expect(failure).toMatchObject({ type: 'ReadingOn', nonRetryable: false });
    expect(failure?.nextRetryDelay).toBeGreaterThan(55_000);
    expect(rig.sim.ledger().totals.statusReads).toBe(1);
  });

  const blips = { '4 s': 4_000, '20 s': 20_000, '100 s': 100_000, 'an hour': 3_600_000 };
  for (const [name, waitedMs] of Object.entries(blips)) {
    it(`a blip of five answers, after ${name} of waiting, looks again within a quarter of the time waited`, async () => {
      const rig = await activitiesOnSimulator();
      const requestId = await rig.order();
      rig.sim.setFaults([
        { fault: 'http-5xx', step: 'status', times: 5 },
        { fault: 'reset', step: 'result', times: 5 },
      ]);
      const { readStatus, fetchResult } = rig.activities;
      const start = Date.now();
      const submittedAt = new Date(start - waitedMs).toISOString();
      const at = (since: number, attempt: number, activityId: string) => ({
        activityId,
        attempt,
        currentAttemptScheduledTimestampMs: start + since,
        scheduledTimestampMs: start,
      });
      const ask = (attempt: number, since: number) =>
        [
          rig.attempt(readStatus, { ...question(requestId), submittedAt }, at(since, attempt, 'a')),
          rig.attempt(
            fetchResult,
            { ...question(requestId), finishedSince: submittedAt, seen: { submittedAt } },
            at(since, attempt, 'b'),
          ),
        ] as const;
      let since = 0;
      for (let attempt = 1; attempt <= 5; attempt += 1) {
        const delays = (await Promise.all(ask(attempt, since))).map(({ failure }) => Number(failure?.nextRetryDelay));
        // What the test itself takes on a busy machine is waited as well.
        const waited = waitedMs + Math.max(since, Date.now() - start) + 1_000;
        for (const delay of delays) expect(delay).toBeLessThanOrEqual(Math.max(2_000, waited / 4));
        since += Math.max(...delays);
      }
      const [status] = await Promise.all(ask(6, since));
      expect(status.value).toMatchObject({ status: 'finished' });
    });
  }

  it('a Retry-After shorter than the doubling of the pauses does not hold these up', async () => {
    const rig = await activitiesOnSimulator();
    const requestId = await rig.order();
    rig.sim.setFaults([{ fault: 'unavailable-json', step: 'status', retryAfter: 0 }]);
    const submittedAt = new Date(Date.now() - 3_600_000).toISOString();
    const ask = (attempt: number) =>
      rig.attempt(rig.activities.readStatus, { ...question(requestId), submittedAt }, { attempt });
    const delays = [(await ask(1)).failure?.nextRetryDelay, (await ask(4)).failure?.nextRetryDelay];
    expect(delays).toEqual([1_000, 8_000]);
  });

  it('a server that is gone is read again', async () => {
    const rig = activitiesAt(`http://127.0.0.1:${String(await freePort())}`);
    const attempt = await rig.attempt(rig.activities.readStatus, question('request-1'));
    expect(attempt.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
  });
});

describe('the count of reads', () => {
  it('holds over attempts that failed, in this process and in another', async () => {
    const rig = await activitiesOnSimulator();
    const requestId = await rig.order();
    rig.sim.setFaults([{ fault: 'reset', step: 'status', times: 2 }]);
    const first = await rig.attempt(rig.activities.readStatus, question(requestId));
    const second = await readAgain(rig, requestId, first);
    expect(second.heartbeats).toEqual([{ reads: 2 }]);
    const elsewhere = activitiesAt(rig.sim.url);
    const third = await readAgain(elsewhere, requestId, second, 3);
    expect(third.value?.reads).toBe(3);
    expect(rig.sim.ledger().totals.statusReads).toBe(3);
  });

  it('takes in what an activity read before its workflow dropped it, once', async () => {
    const timeouts = { status: { headersMs: 1_000, totalMs: hangMs } };
    const rig = await activitiesOnSimulator({ client: { timeouts } });
    const requestId = await rig.order();
    rig.sim.setFaults([{ fault: 'hang', step: 'status', times: 1 }]);
    const dropped = rig.attempt(rig.activities.readStatus, question(requestId), { activityId: 'dropped' });
    await vi.waitUntil(() => rig.sim.ledger().totals.statusReads === 1, { timeout: hangMs });
    timeouts.status.headersMs = hangMs;
    const next = await rig.attempt(rig.activities.readStatus, question(requestId), { activityId: 'next' });
    expect(next.value?.reads).toBe(2);
    await dropped;
    const last = await rig.attempt(rig.activities.readStatus, question(requestId), { activityId: 'last' });
    expect(last.value?.reads).toBe(1);
    expect(rig.sim.ledger().totals.statusReads).toBe(3);
  });

  it('makes up for an answer that its workflow did not take, by the count that the next question brings', async () => {
    const rig = await activitiesOnSimulator();
    const requestId = await rig.order('run');
    const ask = (readsSoFar: number, activityId: string) =>
      rig.attempt(rig.activities.readStatus, { ...question(requestId), readsSoFar }, { activityId });
    expect((await ask(0, 'taken')).value?.reads).toBe(1);
    expect((await ask(1, 'dropped')).value?.reads).toBe(1);
    const cancel = { model: kling, requestId, readsSoFar: 1 };
    const { value } = await rig.attempt(rig.activities.cancelRequest, cancel, { activityId: 'cancel' });
    expect(value?.reads).toBe(2);
    expect(rig.sim.ledger().totals.statusReads).toBe(3);
  });

  it('keeps the reads of different requests and generations apart', async () => {
    const { port } = await serve((response) => {
      reply(response, 200, { status: 'in_queue' });
    });
    const rig = activitiesAt(`http://127.0.0.1:${String(port)}`);
    const workflow = (workflowId: string) => ({ workflowExecution: { workflowId, runId: 'run' } });
    const read = async (requestId: string, key: string) =>
      (await rig.attempt(rig.activities.readStatus, question(requestId), workflow(key))).value?.reads;
    expect(await Promise.all([read('one', 'a'), read('two', 'a'), read('one', 'b')])).toEqual([1, 1, 1]);
  });
});
