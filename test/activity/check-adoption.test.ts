import type { ServerResponse } from 'node:http';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { FailureType } from '../../domain/failure-type.ts';
import type { RunComfyClientOptions } from '../../runcomfy/client.ts';
import { activitiesAt, activitiesOnSimulator, detailsOf } from '../support/activity-rig.ts';
import { reply, serve } from '../support/http-servers.ts';
import { kling, klingInput } from '../support/simulator-client.ts';

describe('checkAdoption', () => {
  const adopt = (requestId: string, input: Record<string, unknown> = klingInput, model = kling) => ({
    model,
    requestId,
    input,
  });

  it('takes a request of this account, of this model and with this input, in every stage', async () => {
    const rig = await activitiesOnSimulator();
    for (const stage of ['queue', 'run', 'done'] as const) {
      const requestId = await rig.order(stage);
      const asOf = '2026-11-01T10:00:00.000Z';
      const { value } = await rig.attempt(rig.activities.checkAdoption, adopt(requestId), {
        currentAttemptScheduledTimestampMs: Date.parse(asOf),
      });
      const known = { searchAttributes: ['RunComfyModel'], searchAttributesAsOf: asOf };
      expect(value).toEqual({ reads: 1, nextReadInMs: 0, ...known });
    }
  });

  it('refuses a request of another model, or made with another input', async () => {
    const rig = await activitiesOnSimulator();
    const requestId = await rig.order();
    const { checkAdoption } = rig.activities;
    const otherModel = await rig.attempt(checkAdoption, adopt(requestId, klingInput, 'somebody/else'));
    const otherInput = await rig.attempt(checkAdoption, adopt(requestId, { ...klingInput, prompt: 'A dog' }));
    for (const attempt of [otherModel, otherInput]) {
      expect(attempt.failure).toMatchObject({ type: 'InvalidInput', nonRetryable: true });
      expect(attempt.failure?.message).toContain(requestId);
      expect(detailsOf(attempt).reads).toBe(1);
    }
    expect(otherModel.failure?.message).toContain(kling);
  });

  it("refuses a request that is someone else's", async () => {
    const rig = await activitiesOnSimulator();
    const requestId = await rig.order();
    const other = activitiesAt(rig.sim.url, { client: { token: () => 'sim-another-account' } });
    const attempt = await other.attempt(other.activities.checkAdoption, adopt(requestId));
    expect(attempt.failure).toMatchObject({ type: 'Unauthenticated', nonRetryable: true });
    expect(detailsOf(attempt)).toMatchObject({ vendorCode: 403001, reads: 1 });
  });

  it('refuses an id that RunComfy does not know at once, for a person has seen it somewhere', async () => {
    const rig = await activitiesOnSimulator();
    const unknown = adopt('00000000-0000-4000-8000-000000000000');
    const { failure } = await rig.attempt(rig.activities.checkAdoption, unknown);
    expect(failure).toMatchObject({ type: 'RequestNotFound', nonRetryable: true, details: [{ reads: 2 }] });
  });

  it('takes a request whose result is an error before its end, as long as its status says so', async () => {
    const rig = await activitiesOnSimulator();
    const requestId = await rig.order('run');
    for (const httpStatus of [404, 409, 425]) {
      rig.sim.setFaults([{ fault: 'http-status', step: 'result', httpStatus, errorCode: httpStatus * 1_000 + 1 }]);
      const { value } = await rig.attempt(rig.activities.checkAdoption, adopt(requestId));
      expect(value).toMatchObject({ reads: 2, nextReadInMs: 0 });
    }
    // Without an answer of RunComfy's own nothing is known of what it is for.
    rig.sim.setFaults([{ fault: 'http-5xx', step: 'result' }]);
    const { failure } = await rig.attempt(rig.activities.checkAdoption, adopt(requestId));
    expect(failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
  });

  const code = (error_code: number) => ({ error_code, error_message: 'vendor words' });
  const failedEnds: [status: string, httpStatus: number, body: object][] = [
    ['failed', 422, code(422001)],
    ['failed', 500, code(500001)],
    ['failed', 200, code(500001)],
    ['cancelled', 409, code(409001)],
    ['completed', 422, code(422001)],
    ['completed', 200, code(422001)],
  ];
  it('takes a request that failed and whose result stays an error, within one attempt', async () => {
    const attempts = failedEnds.map(async ([status, httpStatus, body]) => {
      // An attempt that waits so long has no other after it.
      const rig = await answering({ status }, (response) => {
        reply(response, httpStatus, body, { 'retry-after': '30' });
      });
      const startedAt = performance.now();
      const { value } = await rig.check();
      return { value, tookMs: performance.now() - startedAt };
    });
    for (const { value, tookMs } of await Promise.all(attempts)) {
      expect(value).toMatchObject({ reads: 6 });
      // What passes may hide what the request is for.
      expect(tookMs).toBeGreaterThan(2_900);
    }
  });

  it('refuses what the error of a moment had hidden, however many attempts there were', async () => {
    const rig = await answering({ status: 'failed' }, (response, nth) => {
      if (nth < 3) reply(response, 500, code(500001));
      else reply(response, 200, { request_id: 'a1b2', status: 'failed', model_id: 'somebody/else' });
    });
    const attempt = await rig.check(3);
    expect(attempt.failure).toMatchObject({ type: 'InvalidInput', nonRetryable: true });
    expect(detailsOf(attempt).reads).toBe(5);
  });

  it.each<[what: string, foreign: object, own: object]>([
    ['a failure', { status: 'failed' }, { status: 'failed', model_id: 'somebody/else' }],
    [
      'an output',
      { status: 'completed', output: { video_url: 'https://x.example/a.mp4' } },
      { input: { prompt: 'A dog' } },
    ],
  ])('refuses what the answer to another request, %s, had hidden', async (_, foreign, own) => {
    const rig = await answering({ status: 'completed' }, (response, nth) => {
      if (nth < 3) reply(response, 200, { request_id: 'another', ...foreign });
      else reply(response, 200, { request_id: 'a1b2', status: 'completed', ...own });
    });
    const attempt = await rig.check();
    expect(attempt.failure).toMatchObject({ type: 'InvalidInput', nonRetryable: true });
    expect(detailsOf(attempt).reads).toBe(3);
  });

  it('takes a request that RunComfy names otherwise in its result, again and again', async () => {
    const rig = await answering({ status: 'completed' }, (response) => {
      reply(response, 200, { request_id: 'another', status: 'failed', model_id: kling });
    });
    expect((await rig.check()).value).toMatchObject({ reads: 3 });
  });

  it('takes none whose errors are not all of its work', async () => {
    const rig = await answering({ status: 'failed' }, (response, nth) => {
      if (nth < 3) reply(response, 500, code(500001));
      else reply(response, 503, code(503001));
    });
    const { value, failure } = await rig.check(5);
    expect(value).toBeUndefined();
    expect(failure).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: false });
  });

  it('looks no more once it is cancelled', async () => {
    const rig = await answering({ status: 'failed' }, (response) => {
      reply(response, 500, code(500001));
    });
    const checking = rig.check();
    await expect.poll(() => rig.seen.length).toBe(2);
    rig.cancel();
    const { value, failure } = await checking;
    expect(value).toBeUndefined();
    expect(failure).toMatchObject({ nonRetryable: false });
    expect(rig.seen).toHaveLength(2);
  });

  it('tells what it has seen where its time is up', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const timeouts = { result: { headersMs: 60_000, totalMs: 60_000 } };
    const rig = await answering(
      { status: 'failed' },
      (response, nth) => {
        if (nth === 1) reply(response, 500, code(500001));
      },
      { timeouts },
    );
    const checking = rig.check();
    await expect.poll(() => rig.seen.length).toBe(3);
    await vi.advanceTimersByTimeAsync(22_000);
    const attempt = await checking;
    expect(attempt.failure?.message).toContain('500001');
    expect(attempt.heartbeats).toMatchObject([{ reads: 3 }]);
  });

  const noProof: [status: object, httpStatus: number, body: unknown, type?: FailureType][] = [
    [{ status: 'failed' }, 401, code(401001), 'Unauthenticated'],
    [{ status: 'failed' }, 403, code(403002), 'Unauthenticated'],
    [{ status: 'failed' }, 404, code(404001), 'RequestNotFound'],
    [{ status: 'failed' }, 429, code(429001), 'RateLimited'],
    [{ status: 'failed' }, 503, code(503001)],
    [{ status: 'failed' }, 200, code(503001)],
    [{ status: 'failed' }, 502, '<html>'],
    [{ status: 'failed' }, 500, { message: 'Internal' }],
    [{ status: 'failed' }, 422, { detail: [{ loc: ['path'], msg: 'no such route' }] }],
    [{ status: 'failed', request_id: 'another' }, 422, code(422001)],
    [{ status: 'completed', request_id: 'another' }, 422, code(422001)],
    [{ status: 'in_queue', request_id: 'another' }, 500, code(500001)],
    [{ status: 'in_progress', request_id: 'another' }, 404, code(404001), 'RequestNotFound'],
    [{ status: 'failed' }, 422, { request_id: 'another', ...code(422001) }],
    [{ status: 'failed' }, 200, { request_id: 'another', ...code(500001) }],
    [{ status: 'error' }, 422, code(422001)],
    [{ status: 'archived' }, 422, code(422001)],
    // Work that went well has another result once this has passed.
    [{ status: 'completed' }, 500, code(500001)],
    [{ status: 'completed' }, 409, code(409001)],
    [{ status: 'completed' }, 400, code(409001)],
    [code(404001), 422, code(422001)],
  ];
  it.each(noProof)('takes none that is %j and whose result is HTTP %i %j', async (...row) => {
    const [status, httpStatus, body, type = 'ServiceUnavailable'] = row;
    const rig = await answering(status, (response) => {
      reply(response, httpStatus, body);
    });
    const { value, failure } = await rig.check(5);
    expect(value).toBeUndefined();
    expect(failure).toMatchObject({ type, nonRetryable: type === 'RequestNotFound' });
  });

  /** RunComfy, as it answers the status and the `nth` read of the result. */
  async function answering(
    status: object,
    answerResult: (response: ServerResponse, nth: number) => void,
    client?: Partial<RunComfyClientOptions>,
  ) {
    let results = 0;
    const { port, seen } = await serve((response, request) => {
      if (request.path.includes('/status')) reply(response, 200, status);
      else answerResult(response, (results += 1));
    });
    const rig = activitiesAt(`http://127.0.0.1:${String(port)}`, client && { client });
    const check = (attempt = 1) => rig.attempt(rig.activities.checkAdoption, adopt('a1b2'), { attempt });
    return { check, seen, cancel: rig.cancel };
  }
});
