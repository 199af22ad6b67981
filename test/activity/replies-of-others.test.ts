import { describe, expect, it } from 'vitest';
import { askOn, type Attempt, detailsOf, readAgain } from '../support/activity-rig.ts';
import { answering, code, graceMs, requestId, unsignedGraceMs } from '../support/same-answers.ts';
import { kling } from '../support/simulator-client.ts';

describe('an output in a reply that names another request', () => {
  const output = { video: 'https://c/b.mp4' };
  it.each(['succeeded', 'completed', 'ready'])(
    'is that of this one only once it has lasted for 30 s (%s)',
    async (status) => {
      const { fetch, pass } = await answering(200, { request_id: 'b2c3', status, output });
      const first = await fetch();
      expect(first.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
      const second = await askOn(graceMs - 5_000, first, (before) => fetch({}, before));
      expect(second.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
      pass(5_000);
      const { value } = await fetch({}, second);
      expect(value).toMatchObject({ status: 'succeeded', output: { videos: [output.video] }, reads: 6 });
    },
  );

  it('gives way to its own, and proves nothing of what is wrong otherwise', async () => {
    const { answer, fetch, pass } = await answering(200, { request_id: 'b2c3', status: 'succeeded', output });
    const first = await fetch();
    pass(graceMs);
    answer.body = { request_id: requestId, status: 'succeeded', output: null };
    const second = await fetch({}, first);
    expect(second.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
    answer.body = {
      request_id: ` ${requestId.toUpperCase()}`,
      status: 'succeeded',
      output: { video: 'https://c/a.mp4' },
    };
    expect((await fetch({}, second)).value).toMatchObject({ output: { videos: ['https://c/a.mp4'] } });
  });

  it('is believed at once by the last read', async () => {
    const { fetch } = await answering(200, { request_id: 'b2c3', status: 'succeeded', output });
    expect((await fetch({ isLastRead: true })).value).toMatchObject({ status: 'succeeded' });
  });
});

describe('an end in a reply that names another request', () => {
  const ends: [httpStatus: number, body: object][] = [
    [200, { status: 'completed', output: null, error: 'policy' }],
    [200, { status: 'completed', output: null, ...code(422001, 'policy') }],
    [200, { status: 'failed', error: 'policy' }],
    [200, { status: 'failed', ...code(422001, 'policy') }],
    [422, { status: 'failed', ...code(422001, 'policy') }],
    [422, code(422001, 'policy')],
  ];
  it.each(ends)('is that of this one only once it has lasted for 10 minutes (HTTP %i %j)', async (httpStatus, body) => {
    const { rig, fetch, pass } = await answering(httpStatus, { request_id: 'b2c3', ...body });
    const status = await rig.attempt(rig.activities.readStatus, { model: kling, requestId });
    expect(status.value?.status).not.toBe('failed');
    expect(status.failure?.nonRetryable).not.toBe(true);
    const first = await fetch();
    expect(first.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
    const second = await askOn(unsignedGraceMs - 5_000, first, (before) => fetch({}, before));
    expect(second.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
    pass(5_000);
    const { value } = await fetch({}, second);
    expect(value).toMatchObject({ status: 'failed', reason: 'policy', reads: expect.any(Number) });
  });

  it('does not stop the work at once either', async () => {
    const { rig, fetch } = await answering(200, { request_id: 'b2c3', status: 'cancelled', ...code(422001) });
    const status = await rig.attempt(rig.activities.readStatus, { model: kling, requestId });
    for (const { value, failure } of [status, await fetch()]) {
      expect(value).toBeUndefined();
      expect(failure?.nonRetryable).toBe(false);
    }
  });

  it.each([
    [403, 403001, 'Unauthenticated'],
    [404, 404001, 'RequestNotFound'],
  ] as const)(
    'counts only once it has lasted for 30 s where RunComfy’s code says that there is no such request (%i)',
    async (httpStatus, error, type) => {
      const { rig, answer, fetch, pass } = await answering(httpStatus, { request_id: 'b2c3', ...code(error) });
      const status = () => rig.attempt(rig.activities.readStatus, { model: kling, requestId });
      for (const [first, again] of [
        [await status(), (before: Attempt<unknown>) => readAgain(rig, requestId, before)],
        [await fetch(), (before: Attempt<unknown>) => fetch({}, before)],
      ] as const) {
        expect(first.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
        const early = await askOn<unknown>(graceMs - 5_000, first, again);
        expect(early.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
        pass(5_000);
        const last = await again(early);
        expect(last.failure).toMatchObject({ type, nonRetryable: true });
        expect(detailsOf(last)).toMatchObject({ httpStatus, vendorCode: error, reads: expect.any(Number) });
      }
      answer.body = { request_id: requestId, ...code(error) };
      expect((await fetch()).failure?.nonRetryable).toBe(error === 403001);
    },
  );

  it('is none where a 404 under it has no code of RunComfy’s', async () => {
    const { fetch } = await answering(404, { request_id: 'b2c3', error_message: 'not found' });
    const last = await askOn(2 * graceMs, await fetch(), (before) => fetch({}, before));
    expect(last.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
  });
});

describe('a status that says of another request that it is over', () => {
  it('is that of this one only once it has lasted for 30 s, or by the last read', async () => {
    const { rig, answer, pass } = await answering(200, { request_id: 'b2c3', status: 'completed' });
    const question = { model: kling, requestId };
    const first = await rig.attempt(rig.activities.readStatus, question);
    expect(first.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
    const second = await askOn(graceMs - 5_000, first, (before) => readAgain(rig, requestId, before));
    expect(second.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
    pass(5_000);
    const third = await readAgain(rig, requestId, second);
    expect(third.value).toMatchObject({ status: 'finished', reads: 6 });
    const last = await rig.attempt(rig.activities.readStatus, { ...question, isLastRead: true });
    expect(last.value).toMatchObject({ status: 'finished' });
    answer.body = { request_id: requestId, status: 'completed' };
    expect((await rig.attempt(rig.activities.readStatus, question)).value).toMatchObject({ status: 'finished' });
  });
});
