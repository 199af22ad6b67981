import { describe, expect, it } from 'vitest';
import { activitiesAt, detailsOf } from '../support/activity-rig.ts';
import { reply, serve } from '../support/http-servers.ts';
import { kling } from '../support/simulator-client.ts';

const requestId = 'a1b2';
const own = { request_id: requestId, status: 'succeeded', output: { video: 'https://c/a.mp4' } };
const ofOthers = [
  { request_id: 'b2c3', status: 'succeeded', output: { video: 'https://c/b.mp4' }, cost: 5 },
  { request_id: 'b2c3', status: 'failed', error: 'NSFW', cost: 5 },
];

/** A RunComfy that has stopped the work, and gives these results, one after the other. */
async function answering(results: object[]) {
  const { port } = await serve((response, { path }) => {
    const status = { request_id: requestId, status: 'cancelled' };
    reply(response, 200, path.includes('/result') ? results.shift() : status);
  });
  return activitiesAt(`http://127.0.0.1:${String(port)}`);
}

describe('a cost in a reply that names another request is not that of this one', () => {
  it('where it is read a few times more', async () => {
    const { attempt, activities } = await answering([own, ...ofOthers, { ...own, cost: 1 }]);
    const { value } = await attempt(activities.fetchResult, {
      model: kling,
      requestId,
      finishedSince: new Date().toISOString(),
    });
    expect(value).toMatchObject({ status: 'succeeded', costUsd: 1, reads: 4 });
  });

  it.each(ofOthers)('where the work was stopped (%j)', async (result) => {
    const results: object[] = Array.from({ length: 10 }, () => result);
    const { attempt, activities } = await answering(results);
    const read = await attempt(activities.readStatus, { model: kling, requestId });
    expect(read.value?.status).toBe('cancelled');
    expect(read.value).not.toHaveProperty('costUsd');
    const before = results.length;
    const cancelled = await attempt(activities.cancelRequest, { model: kling, requestId });
    expect(cancelled.value).toMatchObject({ outcome: 'cancelled', reads: 1 + before - results.length });
    expect(cancelled.value).not.toHaveProperty('costUsd');
    results.splice(0, Infinity, result, { request_id: requestId, status: 'cancelled', cost: 1 });
    const mended = await attempt(activities.cancelRequest, { model: kling, requestId });
    expect(mended.value).toMatchObject({ outcome: 'cancelled', costUsd: 1, reads: 3 });
  });

  it('where it lasts, and has no output', async () => {
    const { attempt, activities } = await answering([{ ...ofOthers[0], output: null }]);
    const doubt = { type: 'ProtocolMismatch', since: Date.now() - 60_000, at: Date.now() - 1_000 };
    const question = { model: kling, requestId, finishedSince: new Date().toISOString() };
    const ended = await attempt(activities.fetchResult, question, { heartbeatDetails: { reads: 0, doubt } });
    expect(ended.failure).toMatchObject({ type: 'ProtocolMismatch', nonRetryable: true });
    expect(detailsOf(ended)).not.toHaveProperty('costUsd');
  });
});
