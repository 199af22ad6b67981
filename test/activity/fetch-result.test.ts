import { describe, expect, it, vi } from 'vitest';
import { createWaitingKnowledge } from '../../activities/waiting/knowledge.ts';
import type { ResultQuestion } from '../../domain/activities.ts';
import type { FaultRule, SimulatorOptions } from '../../simulator/index.ts';
import { activitiesAt, activitiesOnSimulator, askOn, detailsOf } from '../support/activity-rig.ts';
import { reply, serve } from '../support/http-servers.ts';
import { kling, klingInput } from '../support/simulator-client.ts';

const ask = (requestId: string, more: Partial<ResultQuestion> = {}): ResultQuestion => ({
  model: kling,
  requestId,
  finishedSince: new Date().toISOString(),
  ...more,
});

async function finished(faults: FaultRule[], simulator: SimulatorOptions = {}) {
  const rig = await activitiesOnSimulator({ simulator });
  const requestId = await rig.order();
  await rig.attempt(rig.activities.readStatus, { model: kling, requestId });
  rig.sim.setFaults(faults);
  const fetch = (more: Partial<ResultQuestion> = {}, info = {}) =>
    rig.attempt(rig.activities.fetchResult, ask(requestId, more), info);
  return { rig, requestId, fetch };
}

/** What the attempts before have been answered for a minute, until a second ago. */
const lasting = (type: string) => ({ type, since: Date.now() - 60_000, at: Date.now() - 1_000 });

describe('fetchResult', () => {
  it('teaches how long the work took, by the order of submits', async () => {
    const waiting = createWaitingKnowledge();
    const learn = vi.spyOn(waiting, 'learn');
    const rig = await activitiesOnSimulator({ deps: { waiting } });
    const requestId = await rig.order();
    await rig.attempt(rig.activities.readStatus, { model: kling, requestId });
    const submittedAt = new Date(Date.now() - 60_000).toISOString();
    await rig.attempt(rig.activities.fetchResult, ask(requestId, { workKey: kling, seen: { submittedAt } }));
    expect(learn.mock.calls).toEqual([
      [expect.objectContaining({ workKey: kling, model: kling }), Date.parse(submittedAt)],
    ]);
  });

  it('learns of work that its status called over too early what it took in the end', async () => {
    const { port } = await serve((response) => {
      reply(response, 200, { status: 'completed', output: { video: 'https://cdn.example.com/a.mp4' } });
    });
    const rig = activitiesAt(`http://127.0.0.1:${String(port)}`);
    const ago = (ms: number) => new Date(Date.now() - ms).toISOString();
    const [finishedSince, seen] = [ago(50_000), { submittedAt: ago(60_000) }];
    const { value } = await rig.attempt(rig.activities.fetchResult, ask('request-1', { finishedSince, seen }));
    expect(value?.status === 'succeeded' && value.work?.totalMs).toBeGreaterThanOrEqual(60_000);
  });

  it("gives the output's URLs by kind, RunComfy's own times and what it cost", async () => {
    const { rig, requestId, fetch } = await finished([]);
    const { value } = await fetch();
    expect(value).toEqual({
      status: 'succeeded',
      output: { images: [], videos: [expect.stringContaining(rig.sim.url)], audios: [] },
      createdAt: expect.any(String),
      finishedAt: expect.any(String),
      costUsd: rig.sim.ledger().totals.chargedUsd,
      reads: 1,
      readAt: expect.any(String),
    });
    expect(rig.sim.ledger().jobs.find(({ id }) => id === requestId)?.resultCalls).toBe(1);
  });

  it('says which search attributes there are where it is asked to', async () => {
    const { value } = await (await finished([])).fetch({ wantsSearchAttributes: true });
    const known = { searchAttributes: ['RunComfyModel'], searchAttributesAsOf: expect.any(String) };
    expect(value).toMatchObject({ status: 'succeeded', ...known });
  });

  it('reads a few times more for a cost that comes later than the end', async () => {
    for (const [cost_delay, reads] of [
      [1, 2],
      [3, 4],
    ] as const) {
      const { rig, fetch } = await finished([], { switches: { cost_delay } });
      const { value } = await fetch();
      expect(value).toMatchObject({ status: 'succeeded', costUsd: rig.sim.ledger().totals.chargedUsd, reads });
    }
  });

  it('is not held up for long, nor again and again, by a cost that never comes', async () => {
    const { fetch } = await finished([], { switches: { cost_delay: 1_000 } });
    const reads: number[] = [];
    for (let count = 0; count < 24; count += 1) {
      const { value } = await fetch();
      expect(value).toMatchObject({ status: 'succeeded' });
      expect(value?.costUsd).toBeUndefined();
      reads.push(value?.reads ?? 0);
    }
    expect(reads).toEqual([4, 4, 4, ...Array.from({ length: 19 }, () => 1), 2, 1]);
  });

  it('tells what a failure cost, and a success that names no output', async () => {
    const failed = await finished([], {
      faults: [{ fault: 'job-fails', step: 'submit' }],
      switches: { charge_failed: true, cost_delay: 1 },
    });
    const { value } = await failed.fetch();
    expect(value).toMatchObject({ status: 'failed', costUsd: failed.rig.sim.ledger().totals.chargedUsd });
    const empty = await finished([{ fault: 'no-output', step: 'result' }]);
    const heartbeatDetails = { reads: 0, doubt: lasting('ProtocolMismatch') };
    const attempt = await empty.fetch({}, { heartbeatDetails });
    expect(attempt.failure?.type).toBe('ProtocolMismatch');
    expect(detailsOf(attempt).costUsd).toBe(empty.rig.sim.ledger().totals.chargedUsd);
  });

  for (const fault of ['singular-only', 'plural-only', 'both', 'duplicates', 'bare-string', 'bare-array']) {
    it(`gives the one file once when it comes as ${fault}`, async () => {
      const { fetch } = await finished([{ fault, step: 'result' }]);
      const { value } = await fetch();
      expect(value).toMatchObject({ status: 'succeeded', output: { images: [], audios: [] } });
      expect(value?.status === 'succeeded' && value.output.videos).toHaveLength(1);
    });
  }

  it('never takes a URL of the input for an output', async () => {
    const { fetch } = await finished([{ fault: 'echoed-input-as-output', step: 'result' }], {
      switches: { echo_input: false },
    });
    const { value } = await fetch({ inputUrls: [klingInput.start_image_url] });
    expect(value?.status === 'succeeded' && [value.output.images, value.output.videos.length]).toEqual([[], 1]);
  });

  it('tells why RunComfy failed, in each shape of the error', async () => {
    for (const error_shape of ['string', 'object', 'array'] as const) {
      const { fetch } = await finished([{ fault: 'result-failed', step: 'result', word: 'Prompt refused.' }], {
        switches: { error_shape },
      });
      const { value } = await fetch();
      expect(value).toMatchObject({ status: 'failed', reason: expect.stringContaining('Prompt refused.'), reads: 1 });
    }
  });

  it('takes an error of the result endpoint for the reason once the status has said failed', async () => {
    const refusal: FaultRule = { fault: 'http-status', step: 'result', httpStatus: 422, errorCode: 422001 };
    const { fetch } = await finished([refusal]);
    const { value } = await fetch({ hasFailed: true });
    expect(value).toMatchObject({ status: 'failed', reason: 'Internal error.', vendorCode: 422001, reads: 1 });
  });

  it('says that a result which lags behind the status is not ready, and when to look again', async () => {
    for (const [fault, underWay] of [
      ['result-lags', 'in_progress'],
      ['not-ready-400005', undefined],
    ] as const) {
      const { fetch } = await finished([{ fault, step: 'result', times: 2 }]);
      const first = await fetch();
      const soon = { nextReadInMs: expect.any(Number), readAt: expect.any(String), reads: 1 };
      expect(first.value).toEqual({ status: 'not_ready', underWay, ...soon });
      const second = await fetch({}, { activityId: 'two' });
      expect(second.value).toMatchObject({ status: 'not_ready', reads: 1 });
      const third = await fetch({}, { activityId: 'three' });
      expect(third.value).toMatchObject({ status: 'succeeded', reads: 1 });
    }
  });

  it('says that a cancelled request is cancelled', async () => {
    const rig = await activitiesOnSimulator();
    const requestId = await rig.order('queue');
    await rig.attempt(rig.activities.cancelRequest, { model: kling, requestId });
    const { value } = await rig.attempt(rig.activities.fetchResult, ask(requestId));
    expect(value).toMatchObject({ status: 'cancelled', reads: 1 });
  });

  for (const fault of ['no-output', 'empty-lists']) {
    it(`waits for an output that a success lacks (${fault}), and gives it up after 30 s`, async () => {
      const { fetch } = await finished([{ fault, step: 'result' }]);
      const first = await fetch();
      expect(first.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
      expect(first.failure?.nextRetryDelay).toBeGreaterThanOrEqual(1_000);
      const last = await askOn(30_000, first, ({ heartbeats }, attempt) =>
        fetch({}, { attempt, heartbeatDetails: heartbeats.at(-1) }),
      );
      expect(last.failure).toMatchObject({ type: 'ProtocolMismatch', nonRetryable: true });
      expect(detailsOf(last).reads).toBe(5);
    });
  }

  it('delivers an output that came late', async () => {
    const { fetch } = await finished([{ fault: 'no-output', step: 'result', times: 1 }]);
    const first = await fetch();
    const second = await fetch({}, { attempt: 2, heartbeatDetails: first.heartbeats.at(-1) });
    expect(second.value).toMatchObject({ status: 'succeeded', reads: 2 });
  });

  it('delivers an output under a status word that nobody knows, and waits for one without', async () => {
    const answers = [
      { status: 'archived', output: { video: 'https://cdn.example.com/a.mp4' } },
      { status: 'archiving' },
      { status: 'archiving', output: { image: 'https://cdn.example.com/preview.png' } },
      { status: 'completed', request_id: 'request-2', output: { video: 'https://cdn.example.com/b.mp4' } },
    ];
    const { port } = await serve((response) => {
      reply(response, 200, answers.shift());
    });
    const rig = activitiesAt(`http://127.0.0.1:${String(port)}`);
    const first = await rig.attempt(rig.activities.fetchResult, ask('request-1'));
    expect(first.value).toMatchObject({
      status: 'succeeded',
      output: { images: [], videos: ['https://cdn.example.com/a.mp4'], audios: [] },
    });
    const second = await rig.attempt(rig.activities.fetchResult, ask('request-1'));
    expect(second.value).toMatchObject({ status: 'not_ready' });
    const untold = ask('request-1', { isLastRead: true, isEndUntold: true });
    const third = await rig.attempt(rig.activities.fetchResult, untold);
    expect(third.value).toMatchObject({ status: 'not_ready' });
    const fourth = await rig.attempt(rig.activities.fetchResult, untold);
    expect(fourth.failure?.message).toContain('the output of another');
  });

  it('names id, number and limit where no history could hold the output, and what was paid', async () => {
    const videos = Array.from(
      { length: 2_000 },
      (_, index) => `https://cdn.example.com/${'a'.repeat(600)}${String(index)}.mp4`,
    );
    const { port } = await serve((response) => {
      reply(response, 200, { status: 'completed', output: { videos }, cost: 1.26 });
    });
    const rig = activitiesAt(`http://127.0.0.1:${String(port)}`);
    const heartbeatDetails = { reads: 0, doubt: lasting('ProtocolMismatch') };
    const attempt = await rig.attempt(rig.activities.fetchResult, ask('request-1'), { heartbeatDetails });
    expect(attempt.failure).toMatchObject({ type: 'ProtocolMismatch', nonRetryable: true });
    expect(attempt.failure?.message).toMatch(/request-1 names 2000 files in \d+ bytes, more than the 1000000 bytes/);
    expect(detailsOf(attempt).costUsd).toBe(1.26);
  });
});

describe('gatherEvidence', () => {
  const balanceBefore = { microdollars: 100_000_000, readAt: '2026-11-01T00:00:00.000Z' };
  const about = { model: kling, input: klingInput, sentAt: '2026-11-01T00:00:10.000Z', balanceBefore };

  it('reads the balance and the expected price beside what was known before', async () => {
    const rig = await activitiesOnSimulator({ deps: { expectedPriceUsd: () => Promise.resolve(1.26) } });
    const { value } = await rig.attempt(rig.activities.gatherEvidence, about);
    expect(value).toEqual({
      sentAt: about.sentAt,
      balanceBefore,
      balanceAfter: { microdollars: 100_000_000, readAt: expect.any(String) },
      expectedPriceUsd: 1.26,
      note: expect.stringContaining('not a proof'),
    });
  });

  it('goes without a price that cannot be had, and is tried again without a balance', async () => {
    const rig = await activitiesOnSimulator({ deps: { expectedPriceUsd: () => Promise.reject(new Error('none')) } });
    const { value } = await rig.attempt(rig.activities.gatherEvidence, about);
    expect(value?.expectedPriceUsd).toBeUndefined();
    rig.sim.setFaults([{ fault: 'reset', step: 'balance' }]);
    const { failure } = await rig.attempt(rig.activities.gatherEvidence, about);
    expect(failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
  });
});
