import { afterEach, describe, expect, it, vi } from 'vitest';
import { activitiesAt, askOn, type Attempt, readAgain } from '../support/activity-rig.ts';
import { reply, serve } from '../support/http-servers.ts';
import { kling } from '../support/simulator-client.ts';

afterEach(() => {
  vi.useRealTimers();
});

const requestId = 'a1b2';
const question = { model: kling, requestId };
const output = { video: 'https://c/a.mp4' };

/** A RunComfy that says of a request that it was stopped, and has this for its result. */
async function stoppedWith(result: object, cancel: object = { outcome: 'cancelled' }) {
  const answer = { result, reads: 0, isStatusAway: false, isResultAway: false };
  const { port } = await serve((response, { path }) => {
    if (path.endsWith('/cancel')) {
      reply(response, 202, { request_id: requestId, ...cancel });
    } else if (path.endsWith('/status')) {
      reply(response, answer.isStatusAway ? 503 : 200, { request_id: requestId, status: 'cancelled' });
    } else {
      answer.reads += 1;
      // A cost that is stated is not awaited.
      reply(response, answer.isResultAway ? 503 : 200, { cost: 0, ...answer.result });
    }
  });
  return { answer, ...activitiesAt(`http://127.0.0.1:${String(port)}`) };
}

describe('work that was stopped by its status, and went well by its result', () => {
  it.each(['succeeded', 'completed', 'ready'])('is over: its result is fetched (%s)', async (status) => {
    const { attempt, activities } = await stoppedWith({ request_id: requestId, status, output });
    const read = await attempt(activities.readStatus, question);
    expect(read.value).toMatchObject({ status: 'finished', isNextReadSoon: true, reads: 2 });
    const finishedSince = new Date().toISOString();
    const fetched = await attempt(activities.fetchResult, { ...question, finishedSince });
    expect(fetched.value).toMatchObject({ status: 'succeeded', output: { videos: [output.video] } });
  });

  it('could not be stopped', async () => {
    for (const cancel of [{ outcome: 'cancelled' }, { outcome: 'not_cancellable', status: 'cancelled' }]) {
      const { attempt, activities } = await stoppedWith({ request_id: requestId, status: 'succeeded', output }, cancel);
      const { value } = await attempt(activities.cancelRequest, question);
      expect(value).toMatchObject({ outcome: 'not_cancellable', status: 'finished' });
    }
  });
});

describe('work that was stopped by its status, and is under way by its result', () => {
  const underWay = ['in_queue', 'in_progress'].map((status) => ({ request_id: requestId, status }));
  const again = (rig: Awaited<ReturnType<typeof stoppedWith>>) => (before: Attempt<unknown>, nth?: number) =>
    readAgain(rig, requestId, before, nth);

  it.each(underWay)('is read on until both agree ($status)', async (result) => {
    const rig = await stoppedWith(result);
    const read = await rig.attempt(rig.activities.readStatus, question);
    expect(read.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
    rig.answer.result = { request_id: requestId, status: 'cancelled' };
    expect((await again(rig)(read)).value).toMatchObject({ status: 'cancelled', costUsd: 0, reads: 4 });
  });

  it.each(underWay)('was stopped once both have said so for 30 s ($status)', async (result) => {
    const rig = await stoppedWith(result);
    const first = await rig.attempt(rig.activities.readStatus, question);
    const early = await askOn(25_000, first, again(rig));
    expect(early.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
    vi.setSystemTime(Date.now() + 5_000);
    expect((await again(rig)(early)).value).toMatchObject({ status: 'cancelled', reads: 12 });
  });

  it('has an output all the same after any time', async () => {
    const rig = await stoppedWith({ request_id: requestId, status: 'in_progress' });
    const first = await rig.attempt(rig.activities.readStatus, question);
    const early = await askOn(25_000, first, again(rig));
    rig.answer.result = { request_id: requestId, status: 'succeeded', output };
    vi.setSystemTime(Date.now() + 5_000);
    expect((await again(rig)(early)).value).toMatchObject({ status: 'finished' });
  });

  it('was stopped by the last read', async () => {
    const { attempt, activities } = await stoppedWith({ request_id: requestId, status: 'in_progress' });
    const { value } = await attempt(activities.readStatus, { ...question, isLastRead: true });
    expect(value).toMatchObject({ status: 'cancelled' });
  });

  it.each([{ outcome: 'cancelled' }, { outcome: 'not_cancellable', status: 'cancelled' }])(
    'was stopped where the cancel says so, too (%j)',
    async (cancel) => {
      const { attempt, activities } = await stoppedWith({ request_id: requestId, status: 'in_progress' }, cancel);
      const { value } = await attempt(activities.cancelRequest, question);
      expect(value).toMatchObject({ outcome: 'cancelled', status: 'cancelled', reads: 4 });
    },
  );

  it('has an output where that comes as the result is looked at again', async () => {
    const { answer, attempt, activities } = await stoppedWith({ request_id: requestId, status: 'in_progress' });
    const cancel = attempt(activities.cancelRequest, question);
    await vi.waitFor(() => expect(answer.reads).toBe(1));
    answer.result = { request_id: requestId, status: 'succeeded', output };
    expect((await cancel).value).toMatchObject({ outcome: 'not_cancellable', status: 'finished', reads: 3 });
  });

  it('is asked to stop for 30 s where the cancel says nothing, and was stopped then', async () => {
    const { attempt, activities } = await stoppedWith({ request_id: requestId, status: 'in_progress' }, {});
    for (const [askedForMs, isLast] of [
      [20_000, false],
      [29_500, true],
    ] as const) {
      const info = { heartbeatDetails: { askedForMs, reads: 0 } };
      const { value, failure } = await attempt(activities.cancelRequest, question, info);
      expect(failure?.type).toBe(isLast ? undefined : 'ServiceUnavailable');
      expect(value?.outcome).toBe(isLast ? 'cancelled' : undefined);
    }
  });

  it('is asked to stop once more where the cancel says nothing', async () => {
    const { answer, attempt, activities } = await stoppedWith({ request_id: requestId, status: 'in_progress' }, {});
    const first = await attempt(activities.cancelRequest, question);
    expect(first.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false, details: [{ reads: 2 }] });
    answer.result = { request_id: requestId, status: 'cancelled' };
    const { value } = await attempt(activities.cancelRequest, question);
    expect(value).toMatchObject({ outcome: 'cancelled', status: 'cancelled' });
  });
});

describe('work that was under way by its result, which is away now', () => {
  const underWay = { request_id: requestId, status: 'in_progress' };
  const doubted = { type: 'ServiceUnavailable', nonRetryable: false };

  it('is read on until the result is back, or the doubt is 30 s old', async () => {
    const rig = await stoppedWith(underWay);
    const first = await rig.attempt(rig.activities.readStatus, question);
    rig.answer.isResultAway = true;
    const early = await askOn(25_000, first, (before, nth) => readAgain(rig, requestId, before, nth));
    expect(early.failure).toMatchObject(doubted);
    rig.answer.isResultAway = false;
    rig.answer.result = { request_id: requestId, status: 'succeeded', output };
    expect((await readAgain(rig, requestId, early)).value).toMatchObject({ status: 'finished' });
    rig.answer.isResultAway = true;
    vi.setSystemTime(Date.now() + 5_000);
    expect((await readAgain(rig, requestId, early)).value).toMatchObject({ status: 'cancelled' });
  });

  it('is read on where the status was away in between', async () => {
    const rig = await stoppedWith(underWay);
    const first = await rig.attempt(rig.activities.readStatus, question);
    Object.assign(rig.answer, { isStatusAway: true, isResultAway: true });
    const outage = await readAgain(rig, requestId, first);
    rig.answer.isStatusAway = false;
    expect((await readAgain(rig, requestId, outage, 3)).failure).toMatchObject(doubted);
  });

  it('was stopped by the last read', async () => {
    const rig = await stoppedWith(underWay);
    const heartbeatDetails = (await rig.attempt(rig.activities.readStatus, question)).heartbeats.at(-1);
    rig.answer.isResultAway = true;
    const info = { attempt: 2, heartbeatDetails };
    const { value } = await rig.attempt(rig.activities.readStatus, { ...question, isLastRead: true }, info);
    expect(value).toMatchObject({ status: 'cancelled' });
  });

  it.each([false, true])('is asked to stop for 30 s (the status is away in between: %s)', async (isStatusAway) => {
    const { answer, attempt, activities } = await stoppedWith(underWay, {});
    let last = await attempt(activities.cancelRequest, question);
    answer.isResultAway = true;
    for (const isAway of [isStatusAway, false]) {
      answer.isStatusAway = isAway;
      last = await attempt(activities.cancelRequest, question, { heartbeatDetails: last.heartbeats.at(-1) });
      expect(last.failure).toMatchObject(doubted);
    }
    const heartbeatDetails = { ...(last.heartbeats.at(-1) as object), askedForMs: 29_500 };
    const { value } = await attempt(activities.cancelRequest, question, { heartbeatDetails });
    expect(value).toMatchObject({ outcome: 'cancelled', status: 'cancelled' });
  });

  it('has an output where the cancel says cancelled, and the result is back within seconds', async () => {
    const { answer, attempt, activities } = await stoppedWith({ request_id: requestId, status: 'succeeded', output });
    answer.isResultAway = true;
    const heartbeatDetails = { askedForMs: 1_000, reads: 0, isUnderWay: true };
    const cancel = attempt(activities.cancelRequest, question, { heartbeatDetails });
    await vi.waitFor(() => expect(answer.reads).toBe(1));
    answer.isResultAway = false;
    expect((await cancel).value).toMatchObject({ outcome: 'not_cancellable', status: 'finished' });
  });
});

describe('work that was stopped by its status', () => {
  it.each([
    { status: 'succeeded', output },
    { request_id: 'b2c3', status: 'succeeded', output },
    { status: 'in_progress' },
    { request_id: 'b2c3', status: 'in_progress' },
    { request_id: requestId, status: 'completed', output: null },
    { request_id: requestId, status: 'failed' },
  ])('stays so by a result that does not name it, or has no output (%j)', async (result) => {
    const { attempt, activities } = await stoppedWith(result);
    expect((await attempt(activities.readStatus, question)).value).toMatchObject({ status: 'cancelled' });
    const { value } = await attempt(activities.cancelRequest, question);
    expect(value).toMatchObject({ outcome: 'cancelled', status: 'cancelled' });
  });
});
