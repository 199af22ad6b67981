import { expect } from 'vitest';
import { kling, klingInput } from '../../support/simulator-client.ts';
import {
  all,
  answer,
  cut,
  delayed,
  everyDay,
  type Expectation,
  gets,
  getsOutput,
  getsText,
  headerIs,
  late,
  refused,
  reset,
  type Step,
} from './fault-expectation.ts';

/** By fault, then by step; `*` stands for every step that is not named. */
export const expectations: Record<string, Partial<Record<Step | '*', Expectation>>> = {
  'accept-then-reset': everyDay({ seen: reset }),
  'accept-then-reset-after-headers': everyDay({ seen: cut }),
  'accept-then-cut-body': everyDay({ seen: cut }),
  'accept-then-delay': everyDay({ ...delayed }),
  'accept-then-hang': everyDay({ seen: late }),
  'accept-then-408': everyDay({ seen: getsText(408, /<h1>/) }),
  'accept-then-500': everyDay({ seen: getsText(500, /<h1>/) }),
  'accept-then-502': everyDay({ seen: getsText(502, /<h1>/) }),
  'accept-then-503': everyDay({ seen: getsText(503, /<h1>/) }),
  'accept-then-504': everyDay({ seen: getsText(504, /<h1>/) }),
  'reset-before-accept': everyDay({ seen: reset, becomes: refused }),
  'no-request-id': everyDay({ seen: getsText(200, '{"status":"queued"}') }),
  'blank-request-id': everyDay({ seen: getsText(200, '{"request_id":"  "}') }),
  'non-string-request-id': everyDay({ seen: getsText(200, '{"request_id":4711}') }),
  'code-beside-request-id': everyDay({ seen: getsText(200, /^\{"error_code":200,.*"request_id":/) }),
  'job-fails': everyDay({ seen: gets(200), becomes: 'failed' }),
  'stuck-in-queue': everyDay({ seen: gets(200), becomes: 'in_queue' }),
  'stuck-running': everyDay({ seen: gets(200), becomes: 'in_progress' }),
  'foreign-urls': everyDay({
    seen: (outcome) => {
      expect(answer(outcome).json['result_url']).toMatch(/^http:\/\/foreign\.invalid\/v1\/requests\//);
    },
  }),
  'price-changed': everyDay({ seen: gets(200) }),
  'model-removed': everyDay({ seen: gets(400, { error_code: 400001 }), becomes: refused }),
  'schema-unusable': everyDay({ seen: gets(200, { model_id: kling, input_schema: { type: 'array' } }) }),

  'unavailable-json': everyDay({
    rule: { retryAfter: 3 },
    seen: all(gets(503, { error_code: 503001 }), headerIs('retry-after', '3')),
    becomes: refused,
  }),
  'unavailable-bare': everyDay({ seen: getsText(503, ''), becomes: refused }),
  'rate-limited': {
    '*': { rule: { retryAfter: 2 }, seen: all(gets(429), headerIs('retry-after', '2')), becomes: refused },
    status: { seen: all(gets(429), headerIs('retry-after', null)) },
    result: {
      rule: { retryAfter: 'date' },
      seen: (outcome) => {
        const { headers } = answer(outcome);
        const [retryAt, answeredAt] = [headers.get('retry-after'), headers.get('date')].map((at) =>
          Date.parse(at ?? ''),
        );
        expect(retryAt).toBeGreaterThan(answeredAt ?? NaN);
      },
    },
  },
  'not-json': everyDay({
    seen: (outcome) => {
      expect(answer(outcome).text).toBe('OK, accepted');
    },
  }),
  'empty-body': everyDay({
    seen: (outcome) => {
      expect(answer(outcome).text).toBe('');
    },
  }),
  'empty-array': everyDay({
    seen: (outcome) => {
      expect(answer(outcome).text).toBe('[]');
    },
  }),
  'empty-object': everyDay({
    seen: (outcome) => {
      expect(answer(outcome).text).toBe('{}');
    },
  }),
  'null-body': everyDay({
    seen: (outcome) => {
      expect(answer(outcome).text).toBe('null');
    },
  }),
  'error-code-200': everyDay({ seen: gets(200, { error_code: 403003 }), becomes: refused }),
  'http-5xx': everyDay({ rule: { httpStatus: 504 }, seen: getsText(504, /<html>/), becomes: refused }),
  'http-status': everyDay({
    rule: { httpStatus: 418, body: { error: 'teapot' } },
    seen: gets(418, { error: 'teapot' }),
    becomes: refused,
  }),
  'html-body': everyDay({
    seen: (outcome) => {
      expect(answer(outcome).status).toBeLessThan(300);
      expect(answer(outcome).headers.get('content-type')).toBe('text/html');
    },
  }),
  reset: everyDay({ seen: reset, becomes: refused }),
  hang: everyDay({ seen: late, becomes: refused }),
  delay: everyDay(delayed),
  'cut-body': everyDay({ seen: cut }),
  'slow-body': everyDay(delayed),
  'redirect-302': everyDay({
    rule: { location: 'http://elsewhere.invalid/' },
    seen: all(gets(302), headerIs('location', 'http://elsewhere.invalid/')),
    becomes: refused,
  }),
  'redirect-307': everyDay({
    seen: (outcome) => {
      expect(answer(outcome).status).toBe(307);
      expect(answer(outcome).headers.get('location')).toMatch(/^http:\/\/localhost:\d+\/__sim\/elsewhere\//);
    },
    becomes: refused,
  }),
  'token-revoked': everyDay({ seen: gets(401, { error_code: 401001 }), becomes: refused }),
  'token-echo': everyDay({
    seen: all(gets(401), (outcome) => {
      expect(answer(outcome).text).toContain('Bearer sim-test');
    }),
    becomes: refused,
  }),

  'unknown-status-word': everyDay({ seen: gets(200, { status: 'rendering' }) }),
  'empty-status': everyDay({ seen: gets(200, { status: '' }) }),
  'missing-status': everyDay({
    seen: (outcome) => {
      expect(answer(outcome).json).not.toHaveProperty('status');
    },
  }),
  'upper-case-status': {
    '*': { stage: 'succeeded', seen: gets(200, { status: 'SUCCEEDED' }) },
    status: { stage: 'running', seen: gets(200, { status: 'IN_PROGRESS' }) },
    cancel: { seen: gets(202, { status: 'CANCELLED' }), becomes: 'cancelled' },
  },
  'canceled-spelling': {
    '*': { stage: 'cancelled', seen: gets(200, { status: 'canceled' }), becomes: 'cancelled' },
    cancel: { seen: gets(202, { status: 'canceled', outcome: 'cancelled' }), becomes: 'cancelled' },
  },
  'status-backwards': everyDay({ stage: 'running', seen: gets(200, { status: 'in_queue', queue_position: 1 }) }),
  'queue-position-null': everyDay({ seen: gets(200, { status: 'in_queue', queue_position: null }) }),
  'queue-position-growing': everyDay({
    seen: (outcome) => {
      expect(answer(outcome).json['queue_position']).toBeGreaterThanOrEqual(4);
    },
  }),
  'not-found': everyDay({ seen: gets(404, { error_code: 404001 }) }),

  'result-failed': everyDay({
    rule: { word: 'No luck.' },
    stage: 'over',
    seen: gets(200, { status: 'failed', error: 'No luck.' }),
    becomes: 'failed',
  }),
  'error-object': everyDay({
    stage: 'over',
    seen: gets(200, { status: 'failed', error: { message: expect.any(String) as string } }),
    becomes: 'failed',
  }),
  'error-array': everyDay({
    stage: 'over',
    seen: gets(200, { status: 'failed', error: [{ error: expect.any(String) as string }] }),
    becomes: 'failed',
  }),
  'failed-as-error': everyDay({
    stage: 'over',
    seen: gets(422, { status: 'failed', error: expect.any(String) as string }),
    becomes: 'failed',
  }),
  'result-lags': everyDay({ stage: 'succeeded', seen: gets(200, { status: 'in_progress' }) }),
  'not-ready-400005': everyDay({ stage: 'succeeded', seen: gets(400, { error_code: 400005 }) }),
  'no-output': everyDay(getsOutput(() => undefined)),
  'empty-lists': everyDay(getsOutput(() => ({ images: [], videos: [], audios: [] }))),
  'singular-only': everyDay({
    ...getsOutput(({ outputUrl }) => ({ video: outputUrl })),
    switches: { output_keys: 'plural' },
  }),
  'plural-only': everyDay(getsOutput(({ outputUrl }) => ({ videos: [outputUrl] }))),
  both: everyDay(getsOutput(({ outputUrl }) => ({ video: outputUrl, videos: [outputUrl] }))),
  duplicates: everyDay(getsOutput(({ outputUrl }) => ({ videos: [outputUrl, outputUrl] }))),
  'bare-string': everyDay(getsOutput(({ outputUrl }) => outputUrl)),
  'bare-array': everyDay(getsOutput(({ outputUrl }) => [outputUrl])),
  'object-array': everyDay(getsOutput(({ outputUrl }) => [{ url: outputUrl }])),
  nested: everyDay(getsOutput(({ outputUrl }) => ({ result: { video: outputUrl } }))),
  'echoed-input-as-output': everyDay(
    getsOutput(({ outputUrl }) => ({
      video: outputUrl,
      images: [klingInput.start_image_url],
      input: [klingInput.start_image_url],
    })),
  ),
  'untrusted-url': everyDay(
    getsOutput(({ outputUrl, origin }) => ({ videos: [outputUrl.replace(origin, 'http://files.invalid')] })),
  ),
  'traversal-names': everyDay(
    getsOutput(({ outputUrl }) => ({ videos: [outputUrl.replace(/([^/]+)$/, '..%2F..%2F$1')] })),
  ),
  'same-names': everyDay(
    getsOutput(({ outputUrl }) => ({
      videos: [outputUrl.replace(/([^/]+)$/, 'a/$1'), outputUrl.replace(/([^/]+)$/, 'b/$1')],
    })),
  ),
  'cost-late': everyDay({
    stage: 'succeeded',
    seen: (outcome) => {
      expect(answer(outcome).json).not.toHaveProperty('cost');
    },
  }),
  'other-model-id': everyDay({ stage: 'succeeded', seen: gets(200, { model_id: 'somebody/else' }) }),

  'cancel-race': everyDay({
    seen: gets(202, { status: 'in_progress', outcome: 'not_cancellable' }),
    becomes: 'succeeded',
  }),
  'cancel-not-cancellable-but-cancelled': everyDay({
    seen: gets(202, { outcome: 'not_cancellable' }),
    becomes: 'cancelled',
  }),
  'cancelled-then-succeeds': everyDay({
    seen: gets(202, { status: 'cancelled', outcome: 'cancelled' }),
    becomes: 'succeeded',
  }),
  'cancel-404': everyDay({ seen: gets(404), becomes: 'succeeded' }),
  'cancel-500': everyDay({ seen: gets(500), becomes: 'succeeded' }),
  'cancel-hang': everyDay({ seen: late, becomes: 'succeeded' }),
  'cancel-reset': everyDay({ seen: reset, becomes: 'cancelled' }),
  'cancel-without-outcome': everyDay({
    seen: (outcome) => {
      expect(answer(outcome).json).toEqual({ request_id: expect.any(String), status: 'cancelled' });
    },
    becomes: 'cancelled',
  }),

  'file-403': everyDay({ seen: gets(403) }),
  'file-404': everyDay({ seen: gets(404) }),
  'file-410': everyDay({ seen: gets(410) }),
  'file-truncated': everyDay({ seen: cut }),
  'file-huge': everyDay({ seen: cut }),
  'file-wrong-type': everyDay({ seen: getsText(200, /<html>/) }),
};
