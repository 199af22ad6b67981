import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { generation } from '../../gateway/contract/generation.ts';
import { call, type GatewayCall, gatewayStack } from '../support/gateway-stack.ts';
import { flux } from '../support/simulator-client.ts';

const stack = gatewayStack();

const generations = '/api/v1/generations';
const post = (body: object, headers: Record<string, string> = {}): GatewayCall => ({ method: 'POST', body, headers });
const order = (fields: object = {}) => ({ key: randomUUID(), model: flux, input: { prompt: 'a cat' }, ...fields });

it('orders once for a key: created, then attached, then the result', async () => {
  const wanted = order({ key: `order/${randomUUID()}` });
  const path = `${generations}/${encodeURIComponent(wanted.key)}`;
  const created = await call(stack.url(), generations, post(wanted));
  expect(created).toMatchObject({ status: 201, headers: { location: `${stack.url()}${path}` } });
  expect(created.json).toMatchObject({ key: wanted.key, model: flux, phase: 'submitting', submission: 'not_sent' });

  const again = await call(stack.url(), `${generations}?wait=60s`, post(wanted));
  expect(again).toMatchObject({ status: 200, headers: { 'idempotent-replayed': 'true' } });
  expect(again.json).toMatchObject({ runId: created.json['runId'], phase: 'succeeded' });

  const [read, result] = await Promise.all([call(stack.url(), path), call(stack.url(), `${path}/result`)]);
  expect(generation.strict().parse(read.json)).toMatchObject({ result: { output: { images: [expect.any(String)] } } });
  expect(result).toMatchObject({ status: 200, json: read.json['result'] as object });
  const known = await call(stack.url(), path, { headers: { 'if-none-match': String(read.headers['etag']) } });
  expect(known).toMatchObject({ status: 304, text: '' });
  expect(
    stack
      .simulator()
      .ledger()
      .jobs.filter(({ id }) => id === read.json['requestId']),
  ).toHaveLength(1);
});

it('tells problems by their names, all of an input at once, and does nothing', async () => {
  const key = randomUUID();
  const made = { key, model: flux, input: { prompt: 1, width: 'x' }, nonsense: true };
  const unfit = await call(stack.url(), generations, post(made));
  expect(unfit).toMatchObject({ status: 422, headers: { 'content-type': 'application/problem+json' } });
  expect(unfit.json).toMatchObject({
    type: 'urn:runcomfy-temporal:problem:InvalidInput',
    name: 'InvalidInput',
    instance: generations,
    traceId: unfit.headers['x-request-id'],
  });
  const missing = await call(stack.url(), `${generations}/${key}`);
  expect(missing).toMatchObject({ status: 404, json: { name: 'KeyNotFound' } });
});

it('cancels, and tells what came of it', async () => {
  const wanted = order();
  await call(stack.url(), generations, post(wanted));
  const cancelled = await call(stack.url(), `${generations}/${wanted.key}/cancel`, post({ reason: 'no more' }));
  expect(cancelled.status).toBe(200);
  const result = await call(stack.url(), `${generations}/${wanted.key}/result?wait=60s`);
  if (cancelled.json['outcome'] === 'not_cancellable') expect(result.status).toBe(200);
  else expect(result).toMatchObject({ status: 409, json: { name: 'GenerationCancelled' } });
});

it('serves its own document', async () => {
  const { status, json } = await call(stack.url(), '/api/v1/openapi.json');
  expect(status).toBe(200);
  expect(json).toMatchObject({ openapi: '3.1.0' });
});
