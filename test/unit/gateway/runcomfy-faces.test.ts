import { connect } from 'node:net';
import type { Client } from '@temporalio/client';
import pino from 'pino';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createGatewayCatalogue } from '../../../cli/gateway-catalogue.ts';
import { type CancelOptions, GenerationError, type GenerationHandle } from '../../../client/index.ts';
import type { DescribedGeneration } from '../../../client/operator/index.ts';
import { readConfig } from '../../../config/env.ts';
import { anonymousAccess } from '../../../gateway/access/access.ts';
import type { Catalogue } from '../../../gateway/gateway-parts.ts';
import { checkInput } from '../../../gateway/generations/check-input.ts';
import { createGenerationReader } from '../../../gateway/generations/read-generations.ts';
import { createGatewayMetrics } from '../../../gateway/metrics/gateway-metrics.ts';
import { earlyRefusal } from '../../../gateway/runcomfy-api/early-refusal.ts';
import { eventually } from '../../support/eventually.ts';
import { serve, withKey } from '../../support/gateway-in-process.ts';
import { call } from '../../support/gateway-stack.ts';
import { flux, kling } from '../../support/simulator-client.ts';

const startedAt = '2026-11-27T00:00:00.000Z';

it('what one gateway says is completed has its result at any other', async () => {
  let truth: Pick<DescribedGeneration, 'phase' | 'ending'> = { phase: 'in_progress' };
  const client = { withDeadline: (_: number, ask: () => unknown) => ask() } as unknown as Client;
  const oneMore = () =>
    serve(anonymousAccess, {
      reader: createGenerationReader(client, {
        describe: (_, key) => Promise.resolve({ key, runId: 'r', model: flux, startedAt, ...truth }),
        listOpen: () => Promise.resolve(undefined),
      }),
    });
  const [one, other] = [await oneMore(), await oneMore()];
  expect(await call(other, '/v1/requests/k/status')).toMatchObject({ json: { status: 'in_progress' } });
  const result = { output: { images: ['https://a.example/1.png'], videos: [], audios: [], texts: [] } };
  truth = { phase: 'succeeded', ending: { result: result as never } };
  expect(await call(one, '/v1/requests/k/status')).toMatchObject({ json: { status: 'completed' } });
  expect(await call(other, '/v1/requests/k/result')).toMatchObject({ json: { status: 'succeeded' } });
});

it.each<[first: string, told: object, more?: object]>([
  ['unknown', { status: 202, json: { status: 'completed', outcome: 'not_cancellable' } }],
  ['not_cancellable', { status: 202, json: { status: 'completed', outcome: 'not_cancellable' } }],
  ['cancelled', { status: 202, json: { status: 'cancelled', outcome: 'cancelled' } }],
  ...[{ otherCostsUnknown: 1 }, { costUsd: 0.1 }].map((more): [string, object, object] => [
    'cancelled',
    { status: 202, json: { status: 'completed', outcome: 'not_cancellable' } },
    { ...more, phase: 'cancelled' },
  ]),
])('a cancel after the end tells what came of the first, or that it is too late: %s', async (...row) => {
  const [outcome, expected, more] = row;
  const state = { phase: 'failed', submission: 'unknown', cancel: { outcome }, ...more };
  const seen = { key: 'k', runId: 'r', model: flux, startedAt, phase: 'failed', ending: { state } };
  const reader = { read: () => Promise.resolve(seen), refresh: () => undefined };
  const cancels = ['too_late', 'unknown'].map((answer) => ({ outcome: answer, phase: 'failed' }));
  const cancel = () => Promise.resolve(cancels.shift());
  const url = await serve(anonymousAccess, { reader, generations: { get: () => Promise.resolve({ cancel }) } });
  expect(await call(url, '/v1/requests/k/cancel', { method: 'POST' })).toMatchObject(expected);
  expect(await call(url, '/v1/requests/k/cancel', { method: 'POST' })).toMatchObject(expected);
});

it("a failure is told in RunComfy's words exactly, whatever the tenant is called", async () => {
  const error = 'could not download https://acme.s3.amazonaws.com/in.png';
  const failure = { type: 'GenerationFailed', message: error, details: { vendorMessage: error } };
  const ending = { state: { phase: 'failed', submission: 'accepted', failure } };
  const read = (key: string) => Promise.resolve({ key, runId: 'r', model: flux, startedAt, phase: 'failed', ending });
  const { access, headers } = withKey({ tenant: 'acme' });
  const url = await serve(access, { reader: { read } });
  const answer = await call(url, '/v1/requests/k/result', { headers });
  expect(answer, answer.text).toMatchObject({ status: 200, json: { status: 'failed', error } });
});

it.each<[told: string, status: number, seen: object]>([
  ['cancelled', 202, { state: { costUsd: 0 } }],
  ['not_cancellable', 202, { state: { otherCostsUnknown: 1 } }],
  ['unknown', 504, { state: {}, ageS: 1 }],
  ['unknown', 504, { state: { isFromServer: true } }],
  ['unknown', 504, {}],
])('a cancel is told as %s, %i while its end is under way, and %j is seen', async (outcome, status, seen) => {
  const open = { key: 'k', runId: 'r', model: flux, startedAt, phase: 'cancelled' };
  const read = (_: string, depth: string) => Promise.resolve({ ...open, ...(depth === 'whole' && seen) });
  const url = await serve(anonymousAccess, { reader: { read, refresh: () => undefined } });
  expect(await call(url, '/v1/requests/k/cancel', { method: 'POST' })).toMatchObject({
    status,
    json: { request_id: 'k', outcome },
  });
});

it('a cancel that nobody takes tells what is known of the generation, and that its outcome is not', async () => {
  const get = () => Promise.reject(new GenerationError({ type: 'NoWorker', message: 'no worker answers', key: 'k' }));
  const url = await serve(anonymousAccess, { generations: { get } });
  expect(await call(url, '/v1/requests/k/cancel', { method: 'POST' })).toMatchObject({
    status: 503,
    headers: { 'retry-after': '2', 'runcomfy-temporal-key': 'k', 'runcomfy-temporal-phase': 'in_queue' },
    json: { request_id: 'k', status: 'in_queue', outcome: 'unknown', error_code: 503001 },
  });
});

it('a cancel of which nothing is heard is answered within 25 s, what a worker is asked behind it included', async () => {
  const asked: CancelOptions[] = [];
  const cancel = (_: unknown, options: CancelOptions) => {
    asked.push(options);
    return Promise.resolve({ outcome: 'unknown', phase: 'in_queue' });
  };
  const url = await serve(anonymousAccess, { generations: { get: () => Promise.resolve({ cancel }) } });
  expect(await call(url, '/v1/requests/k/cancel', { method: 'POST' })).toMatchObject({ status: 504 });
  const [{ timeoutMs = NaN, stateTimeoutMs = NaN } = {}] = asked;
  const positionMs = 2_000;
  expect(timeoutMs).toBeGreaterThan(15_000);
  expect(timeoutMs + stateTimeoutMs + positionMs).toBeLessThan(25_000);
});

describe('an order that cannot be carried out', () => {
  const lines: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => lines.push(line) });
  const issues = [{ path: '$.prompt', message: 'no "s3cret" here' }];
  const refused = Promise.resolve({ issues, warnings: ['$.promt.s3cret: no such key'] });

  it.each<[what: string, target: string, body: object | string, status: number, code: number]>([
    ['the categories as a model', '/v1/models/categories', {}, 400, 400001],
    ['a list, for what is no model', '/v1/models/a', [], 422, 422001],
    ['what is no model', '/v1/models/a', {}, 400, 400001],
    ['half of JSON', `/v1/models/${flux}`, 's3cret', 422, 422001],
    ['an input that does not fit', `/v1/models/${flux}`, { prompt: 's3cret' }, 422, 422001],
  ])('is refused, and the log tells nothing of what was sent: %s', async (_what, target, body, status, code) => {
    const metrics = createGatewayMetrics();
    const url = await serve(anonymousAccess, { log, metrics, catalogue: { check: () => refused } });
    const headers = { 'content-type': 'application/json' };
    const answer = await call(url, target, { method: 'POST', headers, body });
    expect(answer).toMatchObject({ status, json: { error_code: code } });
    expect(lines.at(-1)).toContain(`"status":${String(status)}`);
    expect(lines.join('')).not.toContain('s3cret');
    expect(await metrics.registry.metrics()).toContain('runcomfy_gateway_starts_total{result="refused"} 1');
  });

  it('tells beside its problems what else is odd, on both faces', async () => {
    const catalogue = { check: () => refused };
    const url = await serve(anonymousAccess, { catalogue });
    const headers = { 'content-type': 'application/json' };
    const { json } = await call(url, `/v1/models/${flux}`, { method: 'POST', headers, body: {} });
    const hint = 'also: $.promt.s3cret: no such key';
    expect(json).toMatchObject({ error_message: `$.prompt: no "s3cret" here; ${hint}` });
    await expect(checkInput(catalogue as unknown as Catalogue, flux, {})).rejects.toMatchObject({
      message: `the input does not fit the model: nothing was sent; ${hint}`,
      issues,
    });
  });
});

it.each([`/v1/models/${flux}`, '/v1/requests/k/cancel', '/api/v1/generations', '/api/v1/generations/k/cancel'])(
  'whoever breaks off what is sent to %s is no fault of the gateway',
  async (target) => {
    const lines: string[] = [];
    const log = pino({ level: 'debug' }, { write: (line: string) => lines.push(line) });
    let isTaken = false;
    const authenticate: typeof anonymousAccess.authenticate = (request) => {
      isTaken = true;
      return anonymousAccess.authenticate(request);
    };
    const { hostname, port } = new URL(await serve({ ...anonymousAccess, authenticate }, { log }));
    const socket = connect(Number(port), hostname);
    const length = target.endsWith('l') ? 'transfer-encoding: chunked' : 'content-length: 9';
    socket.write(`POST ${target} HTTP/1.1\r\nhost: ${hostname}\r\ncontent-type: application/json\r\n${length}\r\n\r\n`);
    await eventually(() => {
      expect(isTaken).toBe(true);
    });
    socket.destroy();
    await eventually(() => {
      expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([{ level: 20, status: 400 }]);
    });
  },
);

it.each([
  [{ httpStatus: 429, vendorMessage: 'slow' }, 429, 429001],
  [{ httpStatus: 400, vendorMessage: 'odd', vendorCode: 'E1' }, 400, 400001],
  [{ httpStatus: 409, vendorMessage: 'odd', vendorCode: 409007 }, 409, 409007],
  [{ vendorMessage: 'odd' }, 422, 422001],
  [{ httpStatus: 403, vendorMessage: undefined }, 403, 403001],
])("an early refusal has RunComfy's own status, and its code or the usual one: %j", async (details, status, code) => {
  const message = 'RunComfy answered 401 (model a/b, key acme/order-429, request r)';
  const error = new GenerationError({ type: 'InvalidInput', message, submission: 'refused', details } as never);
  const handle = { result: () => Promise.reject(error) } as unknown as GenerationHandle;
  expect(await earlyRefusal(handle, AbortSignal.abort())).toMatchObject({
    status,
    body: { error_code: code, error_message: details.vendorMessage ?? 'RunComfy answered 4xx' },
  });
});

it('every answer has the headers of all, HEAD those of GET, and what is not there is told so', async () => {
  const publicUrl = 'https://media.example.com';
  const settings = { host: '127.0.0.1', publicUrl, onUnknownSubmission: 'hold', submitGraceMs: 0 };
  const url = await serve(anonymousAccess, { settings });
  const always = {
    'x-request-id': 'mine',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
    'cache-control': 'no-store',
    'strict-transport-security': expect.stringContaining('max-age='),
  };
  const headers = { 'x-request-id': 'mine' };
  for (const [target, status, code] of [
    ['/v1/requests/k/status', 200, undefined],
    ['/v1/requests/k/result', 200, undefined],
    ['/prod/v2/nothing', 404, 404001],
    ['/prod', 404, 404001],
  ] as const) {
    const read = await call(url, target, { headers });
    expect([read.status, read.json['error_code']], target).toEqual([status, code]);
    expect(read.headers, target).toMatchObject(always);
    const head = await call(url, target, { method: 'HEAD', headers });
    expect([head.status, head.text, head.headers['content-length']], target).toEqual([
      status,
      '',
      read.headers['content-length'],
    ]);
    expect(head.headers, target).toMatchObject(always);
  }
});

it.each(['', 'static/swagger-ui.css', 'static/swagger-ui-bundle.js', 'static/swagger-initializer.js'])(
  'nobody keeps the page of the document, nor what it loads: %s',
  async (file) => {
    const { status, headers } = await call(await serve(anonymousAccess), `/api/v1/docs/${file}`);
    expect([status, headers['cache-control']]).toEqual([200, 'no-store']);
  },
);

it('without a token of RunComfy there are no catalogue and no balance, bundled models, and orders', async () => {
  const catalogue = createGatewayCatalogue(readConfig({}), undefined);
  const start = (_: unknown, { key }: { key: string }) =>
    Promise.resolve({ key, runId: 'r', attached: false, notices: [] });
  const url = await serve(anonymousAccess, { catalogue, generations: { start } });
  for (const target of ['/v1/models', '/v1/models/categories', `/v1/models/${flux}`, '/prod/v2/balance']) {
    const answer = await call(url, target);
    expect(answer, target).toMatchObject({ status: 503, json: { error_code: 503002 } });
    expect(Number(answer.headers['retry-after']), target).toBeGreaterThan(0);
  }
  expect(await call(url, `/v1/models/${kling}`)).toMatchObject({
    status: 200,
    headers: { 'content-type': 'application/json' },
  });
  expect(await call(url, `/v1/models/${flux}`, { method: 'POST', body: { prompt: 'x' } })).toMatchObject({
    status: 200,
    json: { request_id: expect.any(String) },
  });
  expect(await call(url, '/v1/requests/k/status')).toMatchObject({ status: 200 });
});

it('the catalogue is asked again after 30 s, the wallet after one, and only the old catalogue is told while both are away', async () => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  let isAway = false;
  const asked = { models: 0, balance: 0 };
  const answerOf = (what: keyof typeof asked) => () => {
    asked[what] += 1;
    return isAway ? Promise.reject(new Error('away')) : Promise.resolve('{}');
  };
  const catalogue = { models: answerOf('models'), balance: answerOf('balance') };
  const url = await serve(anonymousAccess, { catalogue });
  const [models, balance] = ['/v1/models', '/prod/v2/balance'].map((target) => () => call(url, target));
  const after = async (ms: number) => {
    vi.advanceTimersByTime(ms);
    return [await models?.(), await balance?.()];
  };
  await after(0);
  await after(999);
  expect(asked).toEqual({ models: 1, balance: 1 });
  await after(1);
  expect(asked).toEqual({ models: 1, balance: 2 });
  await after(28_999);
  expect(asked.models).toBe(1);
  await after(1);
  expect(asked.models).toBe(2);
  isAway = true;
  expect(await after(40_000)).toMatchObject([
    { status: 200, headers: { age: '40', 'cache-control': 'private, max-age=30' } },
    { status: 503, json: { error_code: 503002 } },
  ]);
});
