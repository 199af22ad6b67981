import { describe, expect, it } from 'vitest';
import { readStatusWord } from '../../runcomfy/schemas/status-words.ts';
import { askOn, type Attempt } from '../support/activity-rig.ts';
import { answering, code, graceMs, requestId, unsignedGraceMs } from '../support/same-answers.ts';
import { kling } from '../support/simulator-client.ts';

const statusOf = (body: object) => ('status' in body ? readStatusWord(body.status) : undefined);

describe('an end that RunComfy tells beside an error', () => {
  const ends: [httpStatus: number, body: object, end: object][] = [
    [422, { request_id: requestId, status: 'failed', error: 'NSFW' }, { status: 'failed', reason: 'NSFW' }],
    [500, { request_id: requestId, status: 'error', error: 'OOM' }, { status: 'failed', reason: 'OOM' }],
    [200, { request_id: requestId, status: 'TIMEOUT', ...code(500001) }, { status: 'failed', vendorCode: 500001 }],
    [200, { status: 'error', ...code(422001) }, { status: 'failed', reason: 'vendor words', vendorCode: 422001 }],
    [200, { status: 'failed', ...code(500001) }, { status: 'failed', reason: 'vendor words', vendorCode: 500001 }],
    [200, { request_id: requestId, status: 'error', ...code(401001) }, { status: 'failed', vendorCode: 401001 }],
    [200, { status: 'completed', output: null, ...code(422001, 'policy') }, { status: 'failed', reason: 'policy' }],
    [200, { status: 'cancelled', ...code(422001) }, { status: 'cancelled' }],
    [200, { status: 'completed', output: { video: 'https://c/a.mp4' }, ...code(500001) }, { status: 'succeeded' }],
  ];
  it.each(ends)('is an answer (HTTP %i %j)', async (httpStatus, body, end) => {
    const { rig, fetch } = await answering(httpStatus, body);
    expect((await fetch()).value).toMatchObject({ ...end, reads: expect.any(Number) });
    const status = await rig.attempt(rig.activities.readStatus, { model: kling, requestId });
    expect(status.value?.status).toBe(statusOf(body));
  });

  const errors: [httpStatus: number, body: object, type: string][] = [
    [401, { status: 'error', message: 'Unauthorized' }, 'Unauthenticated'],
    [429, { status: 'error', message: 'slow down' }, 'RateLimited'],
    [429, { request_id: requestId, status: 'error', message: 'slow down' }, 'RateLimited'],
    [500, { status: 'error', message: 'Internal' }, 'ServiceUnavailable'],
    [500, { request_id: 'trace-7', status: 'error', message: 'Internal' }, 'ServiceUnavailable'],
    [504, { request_id: requestId, status: 'timeout' }, 'ServiceUnavailable'],
    [200, { status: 'error', ...code(500001) }, 'ServiceUnavailable'],
    [200, { request_id: 'trace-7', status: 'TIMEOUT', ...code(500001) }, 'ServiceUnavailable'],
    [200, { status: 'error', ...code(400002) }, 'ServiceUnavailable'],
    [200, { request_id: 'trace-7', status: 'failed', ...code(500001) }, 'ServiceUnavailable'],
    [200, { status: 'error', ...code(429001) }, 'RateLimited'],
    [200, { status: 'error', ...code(401001) }, 'Unauthenticated'],
    [200, { status: 'failed', ...code(401001) }, 'Unauthenticated'],
    [200, { status: 'in_queue', ...code(500001) }, 'ServiceUnavailable'],
  ];
  it.each(errors)('is not what a server says of the call alone (HTTP %i %j)', async (httpStatus, body, type) => {
    const { rig, fetch } = await answering(httpStatus, body);
    const attempts = [await rig.attempt(rig.activities.readStatus, { model: kling, requestId }), await fetch()];
    // After a 429 the pacer holds the next read back.
    expect(attempts[0]?.failure).toMatchObject({ type, nonRetryable: false });
    expect(attempts[1]?.failure).toMatchObject({ nonRetryable: false });
  });

  it.each([
    { status: 'error', message: 'upstream' },
    { request_id: 'trace-7', status: 'error', message: 'upstream' },
    { request_id: 'trace-7', status: 'failed', message: 'upstream' },
    { request_id: 'trace-7', status: 'cancelled' },
    { status: 'timeout' },
    { status: 'error', code: 401001 },
  ])('is not what a server in front of RunComfy answers with 200 (%j)', async (body) => {
    const { rig, fetch } = await answering(200, body);
    const status = await rig.attempt(rig.activities.readStatus, { model: kling, requestId });
    expect(status.value).toMatchObject({ status: 'unrecognized', statusWord: body.status });
    const first = await fetch();
    const second = await askOn(graceMs, first, (before) => fetch({}, before));
    for (const { value } of [first, second]) expect([undefined, 'not_ready']).toContain(value?.status);
    expect(second.failure?.nonRetryable).not.toBe(true);
  });
});

describe('a result that speaks of an error', () => {
  const doubts: [name: string, httpStatus: number, body: object, end: object][] = [
    ['a refusal of its own', 422, code(422001, 'content policy'), { reason: 'content policy', vendorCode: 422001 }],
    ['its name, no status', 200, { request_id: requestId, error: 'NSFW' }, { reason: 'NSFW' }],
    [
      'its name, a status nobody knows',
      200,
      { request_id: requestId, status: 'rejected', error: { message: 'NSFW', code: 7 } },
      { vendorCode: 7 },
    ],
    ['a status that says success', 200, { status: 'succeeded', output: null, error: 'late' }, { reason: 'late' }],
    ['an internal error after the end', 200, { status: 'completed', ...code(500001) }, { vendorCode: 500001 }],
  ];
  it.each(doubts)('beside %s is a failure once it has lasted for 30 s', async (_name, httpStatus, body, end) => {
    const { fetch, pass } = await answering(httpStatus, body);
    const first = await fetch();
    expect(first.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
    const second = await askOn(graceMs - 5_000, first, (before) => fetch({}, before));
    expect(second.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
    pass(5_000);
    expect((await fetch({}, second)).value).toMatchObject({ status: 'failed', ...end, reads: 6 });
  });

  const unsigned: [httpStatus: number, body: object][] = [
    [200, { error: 'maintenance' }],
    [200, { request_id: 'trace-7', status: 'down', error: 'maintenance' }],
    [200, { status: 'error', message: 'maintenance' }],
  ];
  it.each(unsigned)('that anybody may have written is one after 10 minutes (HTTP %i %j)', async (httpStatus, body) => {
    const { fetch, pass } = await answering(httpStatus, body);
    const first = await fetch();
    const second = await askOn(unsignedGraceMs - 5_000, first, (before) => fetch({}, before));
    expect(second.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
    pass(5_000);
    expect((await fetch({}, second)).value).toMatchObject({ status: 'failed', reason: 'maintenance', reads: 6 });
  });

  it('is none in a refusal that has no code of RunComfy’s own', async () => {
    const { fetch } = await answering(422, { detail: [{ loc: ['path'], msg: 'no such route' }] });
    const last = await askOn(unsignedGraceMs, await fetch(), (before) => fetch({}, before));
    expect(last.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
  });

  it.each([
    [422, code(422001)],
    [200, { error: 'maintenance' }],
  ])('is as new after an outage (HTTP %i %j)', async (httpStatus, body) => {
    const { answer, fetch, pass } = await answering(httpStatus, body);
    const first = await fetch();
    Object.assign(answer, { httpStatus: 503, body: '' });
    pass(unsignedGraceMs);
    const outage = await fetch({}, first);
    Object.assign(answer, { httpStatus, body });
    const again = await askOn(2_000, outage, (before) => fetch({}, before));
    expect(again.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
  });

  it('under RunComfy’s name has lasted from its own first answer', async () => {
    const { answer, fetch, pass } = await answering(200, { error: 'maintenance' });
    const first = await fetch();
    pass(graceMs);
    Object.assign(answer, { httpStatus: 422, body: code(422001, 'policy') });
    const second = await fetch({}, first);
    expect(second.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
    const last = await askOn(graceMs, second, (before) => fetch({}, before));
    expect(last.value).toMatchObject({ status: 'failed', vendorCode: 422001 });
  });

  it('is no failure where the output comes after all', async () => {
    const { answer, fetch, pass } = await answering(422, code(422001));
    const first = await fetch();
    pass(graceMs);
    Object.assign(answer, { httpStatus: 200, body: { status: 'succeeded', output: { video: 'https://c/a.mp4' } } });
    expect((await fetch({}, first)).value).toMatchObject({ status: 'succeeded', reads: expect.any(Number) });
  });

  it('is waited for on a conflict, and where a success has only a message yet', async () => {
    for (const [httpStatus, body] of [
      [409, code(409001, 'not ready yet')],
      [200, { status: 'succeeded', output: null, message: 'Finalizing output' }],
    ] as const) {
      const { fetch } = await answering(httpStatus, body);
      const first = await fetch();
      expect(first.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
      expect((await askOn(graceMs, first, (before) => fetch({}, before))).value).toBeUndefined();
    }
  });
});

describe('a result that gives no reason although the status has said failed', () => {
  const answers: [name: string, httpStatus: number, body: object, end: object][] = [
    ['an internal error', 500, code(500001), { reason: 'vendor words', vendorCode: 500001 }],
    ['not found', 404, code(404001), { vendorCode: 404001 }],
    ['a conflict', 409, code(409001, 'not ready yet'), { reason: 'not ready yet' }],
    ['the state', 200, { status: 'in_progress' }, { reason: 'RunComfy gave no reason' }],
    ['400005', 400, code(400005), { reason: 'RunComfy gave no reason' }],
    ['a success without an output', 200, { status: 'completed' }, {}],
  ];
  it.each(answers)('(%s) is given 30 s for it', async (_name, httpStatus, body, end) => {
    const { fetch } = await answering(httpStatus, body);
    // However long ago the status has said so: nobody may have asked since, or by another clock.
    const finishedSince = new Date(Date.now() - 3_600_000).toISOString();
    const ask = (before?: Attempt<unknown>) => fetch({ hasFailed: true, finishedSince }, before);
    const first = await ask();
    expect(first.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
    const early = await askOn(graceMs - 5_000, first, ask);
    expect(early.failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
    const last = await askOn(5_000, early, ask);
    expect(last.value).toMatchObject({ status: 'failed', ...end, reads: 9 });
    const only = await fetch({ hasFailed: true, isLastRead: true });
    expect(only.value).toMatchObject({ status: 'failed', ...end });
  });

  it('is given its time also where other answers than results follow each other', async () => {
    const { answer, fetch } = await answering(404, code(404001));
    const first = await fetch({ hasFailed: true });
    Object.assign(answer, { httpStatus: 200, body: [] });
    const second = await askOn(graceMs / 2, first, (before) => fetch({ hasFailed: true }, before));
    Object.assign(answer, { httpStatus: 400, body: code(400005) });
    const last = await askOn(graceMs / 2, second, (before) => fetch({ hasFailed: true }, before));
    expect(last.value).toMatchObject({ status: 'failed', reason: 'RunComfy gave no reason' });
  });

  it('is awaited for as long as the result says that the request is under way', async () => {
    for (const status of ['in_queue', 'IN_PROGRESS']) {
      const { fetch, pass } = await answering(200, { request_id: requestId, status });
      pass(graceMs);
      const finishedSince = new Date(Date.now() - unsignedGraceMs).toISOString();
      for (const isLastRead of [false, true])
        expect((await fetch({ hasFailed: true, finishedSince, isLastRead })).value?.status).toBe('not_ready');
    }
  });

  it('is that of the status, where this has given one', async () => {
    const { rig, answer, fetch } = await answering(200, { status: 'failed', error: 'NSFW' });
    const status = await rig.attempt(rig.activities.readStatus, { model: kling, requestId });
    expect(status.value).toMatchObject({ status: 'failed', reason: 'NSFW' });
    answer.body = { status: 'failed' };
    const { value } = await fetch({ hasFailed: true, failedBecause: 'NSFW' });
    expect(value).toMatchObject({ status: 'failed', reason: 'NSFW' });
    for (const [httpStatus, body, reason] of [
      [200, { error: 'maintenance' }, 'NSFW'],
      [200, { status: 'completed' }, 'NSFW'],
      [404, { detail: [{ loc: ['path'], msg: 'no such route' }] }, 'NSFW'],
      [200, { request_id: requestId, error: 'NSFW: face' }, 'NSFW: face'],
      [500, code(500001, 'NSFW: face'), 'NSFW: face'],
    ] as const) {
      Object.assign(answer, { httpStatus, body });
      const ask = (before?: Attempt<unknown>) => fetch({ hasFailed: true, failedBecause: 'NSFW' }, before);
      const settled = await askOn(graceMs, await ask(), ask);
      expect(settled.value).toMatchObject({ status: 'failed', reason });
    }
  });

  it('is awaited through an outage and a refused token', async () => {
    for (const [httpStatus, body] of [
      [502, '<html>'],
      [401, code(401001)],
    ] as const) {
      const { answer, fetch } = await answering(httpStatus, body);
      const ask = (before?: Attempt<unknown>) => fetch({ hasFailed: true }, before);
      const last = await askOn(graceMs, await ask(), ask);
      expect(last.failure).toMatchObject({ nonRetryable: false });
      Object.assign(answer, { httpStatus: 200, body: [] });
      expect((await ask(last)).failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
    }
  });
});
