import type { Client } from '@temporalio/client';
import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { type CancelOptions, GenerationError, type GenerationHandle } from '../../../client/index.ts';
import type { DescribedGeneration } from '../../../client/operator/index.ts';
import { anonymousAccess } from '../../../gateway/access/access.ts';
import { createGenerationReader } from '../../../gateway/generations/read-generations.ts';
import { earlyRefusal } from '../../../gateway/runcomfy-api/early-refusal.ts';
import { serve } from '../../support/gateway-in-process.ts';
import { call } from '../../support/gateway-stack.ts';
import { flux } from '../../support/simulator-client.ts';

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

it.each<[first: string, told: object]>([
  ['unknown', { status: 202, json: { status: 'completed', outcome: 'not_cancellable' } }],
  ['not_cancellable', { status: 202, json: { status: 'completed', outcome: 'not_cancellable' } }],
  ['cancelled', { status: 202, json: { status: 'cancelled', outcome: 'cancelled' } }],
])('a cancel after the end tells what came of the first, or that it is too late: %s', async (outcome, expected) => {
  const state = { phase: 'failed', submission: 'unknown', cancel: { outcome } };
  const seen = { key: 'k', runId: 'r', model: flux, startedAt, phase: 'failed', ending: { state } };
  const reader = { read: () => Promise.resolve(seen), refresh: () => undefined };
  const cancels = ['too_late', 'unknown'].map((answer) => ({ outcome: answer, phase: 'failed' }));
  const cancel = () => Promise.resolve(cancels.shift());
  const url = await serve(anonymousAccess, { reader, generations: { get: () => Promise.resolve({ cancel }) } });
  expect(await call(url, '/v1/requests/k/cancel', { method: 'POST' })).toMatchObject(expected);
  expect(await call(url, '/v1/requests/k/cancel', { method: 'POST' })).toMatchObject(expected);
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
  const refused = Promise.resolve({ issues: [{ path: '$.prompt', message: 'no "s3cret" here' }], warnings: [] });

  it.each<[what: string, target: string, body: object | string, status: number, code: number]>([
    ['the categories as a model', '/v1/models/categories', {}, 400, 400001],
    ['a list, for what is no model', '/v1/models/a', [], 422, 422001],
    ['what is no model', '/v1/models/a', {}, 400, 400001],
    ['half of JSON', `/v1/models/${flux}`, 's3cret', 422, 422001],
    ['an input that does not fit', `/v1/models/${flux}`, { prompt: 's3cret' }, 422, 422001],
  ])('is refused, and the log tells nothing of what was sent: %s', async (_what, target, body, status, code) => {
    const url = await serve(anonymousAccess, { log, catalogue: { check: () => refused } });
    const headers = { 'content-type': 'application/json' };
    const answer = await call(url, target, { method: 'POST', headers, body });
    expect(answer).toMatchObject({ status, json: { error_code: code } });
    expect(lines.at(-1)).toContain(`"status":${String(status)}`);
    expect(lines.join('')).not.toContain('s3cret');
  });
});

it.each([
  [{ httpStatus: 429, vendorMessage: 'slow' }, 429, 429001],
  [{ httpStatus: 400, vendorMessage: 'odd', vendorCode: 'E1' }, 400, 400001],
  [{ httpStatus: 409, vendorMessage: 'odd', vendorCode: 409007 }, 409, 409007],
  [{ vendorMessage: 'odd' }, 422, 422001],
])("an early refusal has RunComfy's own status, and its code or the usual one: %j", async (details, status, code) => {
  const error = new GenerationError({ type: 'InvalidInput', message: 'x', submission: 'refused', details } as never);
  const handle = { result: () => Promise.reject(error) } as unknown as GenerationHandle;
  expect(await earlyRefusal(handle, AbortSignal.abort())).toMatchObject({
    ...{ status, body: { error_code: code, error_message: details.vendorMessage } },
  });
});
