import { describe, expect, it } from 'vitest';
import { activitiesAt } from '../support/activity-rig.ts';
import { reply, serve } from '../support/http-servers.ts';
import { kling } from '../support/simulator-client.ts';

const requestId = 'a1b2';
const question = { model: kling, requestId };
const output = { video: 'https://c/a.mp4' };

/** A RunComfy that says of a request that it was stopped, and has this for its result. */
async function stoppedWith(result: object, cancel: object = { outcome: 'cancelled' }) {
  const answer = { result };
  const { port } = await serve((response, { path }) => {
    if (path.endsWith('/cancel')) reply(response, 202, { request_id: requestId, ...cancel });
    else if (path.endsWith('/status')) reply(response, 200, { request_id: requestId, status: 'cancelled' });
    // A cost that is stated is not awaited.
    else reply(response, 200, { cost: 0, ...answer.result });
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
  it.each(['in_queue', 'in_progress'])('is read on until both agree (%s)', async (status) => {
    const { answer, attempt, activities } = await stoppedWith({ request_id: requestId, status });
    const read = await attempt(activities.readStatus, question);
    expect(read.value).toMatchObject({ status: 'unrecognized', statusWord: 'cancelled, but under way by its result' });
    answer.result = { request_id: requestId, status: 'cancelled' };
    expect((await attempt(activities.readStatus, question)).value).toMatchObject({ status: 'cancelled', costUsd: 0 });
  });

  it('is asked to stop once more', async () => {
    const { answer, attempt, activities } = await stoppedWith({ request_id: requestId, status: 'in_progress' });
    const first = await attempt(activities.cancelRequest, question);
    expect(first.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false, details: [{ reads: 2 }] });
    answer.result = { request_id: requestId, status: 'cancelled' };
    const { value } = await attempt(activities.cancelRequest, question);
    expect(value).toMatchObject({ outcome: 'cancelled', status: 'cancelled' });
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
