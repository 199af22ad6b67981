import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { call, type GatewayCall, gatewayStack } from '../support/gateway-stack.ts';
import { flux, kling, klingInput } from '../support/simulator-client.ts';

const stack = gatewayStack();

const path = '/api/v1/generations';
const json = { 'content-type': 'application/json' };
const raw = (body: string | Buffer, headers: Record<string, string> = json): GatewayCall => ({
  method: 'POST',
  headers,
  body,
});
const order = (fields: object = {}, headers: Record<string, string | string[]> = {}): GatewayCall => ({
  method: 'POST',
  headers,
  body: { model: flux, input: { prompt: 'never made' }, ...fields },
});
const get: GatewayCall = {};
const scene = (more: object) => order({ model: kling, input: { ...klingInput, ...more } });
const refused = (at: string) => [422, 'InvalidInput', at] as const;

/** As a browser asks whether a page may call. */
const preflight = { origin: 'https://evil.example', 'access-control-request-method': 'POST' };

/** Calls that must be refused, and as what. */
const rows: [what: string, target: string, call: GatewayCall, status: number, name: string, path?: string][] = [
  ['a rebound host name', path, order({}, { host: 'evil.example' }), 421, 'HostNotAllowed'],
  ['a foreign origin', path, order({}, { origin: 'https://evil.example' }), 403, 'NotAllowed'],
  ['a cross-site call', path, order({}, { 'sec-fetch-site': 'cross-site' }), 403, 'NotAllowed'],
  ['text', path, raw('{"model":"x"}', { 'content-type': 'text/plain' }), 415, 'UnsupportedMediaType'],
  ['a form', path, raw('a=b', { 'content-type': 'application/x-www-form-urlencoded' }), 415, 'UnsupportedMediaType'],
  ['no content type', path, raw('{}', {}), 415, 'UnsupportedMediaType'],
  ['compression', path, order({}, { 'content-encoding': 'gzip' }), 415, 'UnsupportedMediaType'],
  ['half of JSON', path, raw('{'), 400, 'MalformedRequest'],
  ['an empty body', path, raw(''), 400, 'MalformedRequest'],
  ['null', path, raw('null'), 422, 'InvalidInput'],
  ['a list', path, raw('[]'), 422, 'InvalidInput'],
  ['a prototype', path, raw(`{"model":"${flux}","input":{"__proto__":{}}}`), 400, 'MalformedRequest'],
  ['an unknown field', path, order({ nonsense: 1 }), 422, 'InvalidInput', 'body.nonsense'],
  ['more than 2 MiB', path, order({ input: { prompt: 'x'.repeat(2 * 1024 * 1024) } }), 413, 'TooLarge'],
  ['a rounded integer', path, raw(`{"model":"${flux}","input":{"seed":12345678901234567890}}`), 422, 'InvalidInput'],
  [
    '101 levels',
    path,
    raw(`{"model":"${flux}","input":{"a":${'['.repeat(101)}${']'.repeat(101)}}}`),
    422,
    'InvalidInput',
  ],
  [
    '100,000 fields',
    path,
    order({ input: Object.fromEntries(Array.from({ length: 1e5 }, (_, at) => [`k${String(at)}`, 1])) }),
    422,
    'InvalidInput',
  ],
  ['an unknown model', path, order({ model: 'nobody/makes/this' }), 404, 'ModelNotFound'],
  ['a model of one segment', path, order({ model: 'a' }), 422, 'InvalidInput'],
  ['a way up', path, order({ model: 'a/../b' }), 422, 'InvalidInput'],
  ['a wrong duration', path, order({ model: kling, input: { ...klingInput, duration: 99 } }), 422, 'InvalidInput'],
  [
    'scenes that are not as long as the clip',
    path,
    scene({ multi_prompt: [{ duration: 3 }] }),
    ...refused('$.multi_prompt'),
  ],
  ['a data URI', path, scene({ start_image_url: 'data:image/png;base64,AA' }), ...refused('$.start_image_url')],
  ['media by http', path, scene({ start_image_url: 'http://a.example/a.png' }), ...refused('$.start_image_url')],
  [
    'media on a private host',
    path,
    scene({ start_image_url: 'https://10.0.0.1/a.png' }),
    ...refused('$.start_image_url'),
  ],
  ['a label without a name', path, order({ labels: { '': 'x' } }), 422, 'InvalidInput'],
  ['no input', path, order({ input: undefined }), 422, 'InvalidInput'],
  ['an empty Idempotency-Key', path, order({}, { 'idempotency-key': '' }), 400, 'MalformedRequest'],
  ['two of them', path, order({}, { 'idempotency-key': ['a', 'b'] }), 400, 'MalformedRequest'],
  ['half a quote', path, order({}, { 'idempotency-key': '"a' }), 400, 'MalformedRequest'],
  ['two different keys', path, order({ key: 'a' }, { 'idempotency-key': 'b' }), 400, 'KeyMismatch'],
  ['a key ending in /late', path, order({ key: 'a/late' }), 422, 'InvalidInput'],
  ['a key of a webhook', path, order({ key: 'a/webhook/b' }), 422, 'InvalidInput'],
  ['a key of 201 characters', path, order({ key: 'k'.repeat(201) }), 422, 'InvalidInput'],
  ['a key with a line break', path, order({ key: 'a\nb' }), 422, 'InvalidInput'],
  ['a limit below the price', path, order({ maxPriceUsd: 0.000001 }), 422, 'PriceAboveLimit'],
  ['a key of nobody', `${path}/never`, get, 404, 'KeyNotFound'],
  ['what cannot be a key', `${path}/a%00b`, get, 404, 'KeyNotFound'],
  ['a way up among keys', `${path}/%2e%2e%2fb%2fx`, get, 404, 'KeyNotFound'],
  ['a result of nobody', `${path}/never/result`, get, 404, 'KeyNotFound'],
  ['a cancel of nobody', `${path}/never/cancel`, raw('{}'), 404, 'KeyNotFound'],
  ['a cancel without a word', `${path}/never/cancel`, { method: 'POST' }, 404, 'KeyNotFound'],
  ['a nudge of nobody', `${path}/never/nudge`, { method: 'POST' }, 404, 'KeyNotFound'],
  ['a late result of nobody', `${path}/never/late`, { method: 'POST' }, 404, 'KeyNotFound'],
  ['a decision about nobody', `${path}/never/resolution`, raw('{"action":"abandon"}'), 404, 'KeyNotFound'],
  ['a second bill unasked', `${path}/never/resolution`, raw('{"action":"resubmit"}'), 422, 'InvalidInput'],
  ['an unknown decision', `${path}/never/resolution`, raw('{"action":"guess"}'), 422, 'InvalidInput'],
  ['a list of nothing', `${path}?limit=0`, get, 422, 'InvalidInput', 'query.limit'],
  ['a list of less than nothing', `${path}?limit=-1`, get, 422, 'InvalidInput', 'query.limit'],
  ['a list of too much', `${path}?limit=1000`, get, 422, 'InvalidInput', 'query.limit'],
  ['an unknown phase', `${path}?phase=done`, get, 422, 'InvalidInput', 'query.phase.0'],
  ['yesterday', `${path}?createdAfter=yesterday`, get, 422, 'InvalidInput', 'query.createdAfter'],
  ['a page of another list', `${path}?pageToken=abc`, get, 400, 'MalformedRequest'],
  ['another method', path, { method: 'PUT', headers: json, body: '{}' }, 405, 'MethodNotAllowed'],
  ['a preflight', path, { method: 'OPTIONS', headers: preflight }, 405, 'MethodNotAllowed'],
  ['an unknown path', '/api/v1/nothing', get, 404, 'RouteNotFound'],
  ['broken percent-encoding', `${path}/%zz`, get, 400, 'MalformedRequest'],
  ['a path of 10,000 characters', `/api/v1/${'x'.repeat(10_000)}`, get, 414, 'PathTooLong'],
  ['a query of 10,000 characters', `${path}?keyPrefix=${'x'.repeat(10_000)}`, get, 414, 'PathTooLong'],
  ['20 KiB of headers', path, { headers: { 'x-long': 'x'.repeat(20 * 1024) } }, 431, 'HeadersTooLarge'],
];

describe('a call of our API that cannot be carried out', () => {
  it.each(rows)('is refused by its name, and does nothing: %s', async (_what, target, made, status, name, place) => {
    const answer = await call(stack.url(), target, made);
    expect([answer.status, answer.json['name']], answer.text.slice(0, 500)).toEqual([status, name]);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(answer.json).toMatchObject({ type: `urn:runcomfy-temporal:problem:${name}`, status });
    expect(answer.json['traceId']).toBe(answer.headers['x-request-id']);
    if (name === 'InvalidInput') expect(answer.json['issues']).not.toEqual([]);
    if (place !== undefined) expect(answer.json['issues']).toMatchObject([{ path: place }]);
    expect(stack.simulator().ledger().jobs).toEqual([]);
  });

  it('keeps a key for the order that has it', async () => {
    const key = randomUUID();
    expect(await call(stack.url(), path, order({ key }))).toMatchObject({ status: 201 });
    for (const changed of [{ input: { prompt: 'another' } }, { model: 'google/nano-banana-2/text-to-image' }]) {
      const other = await call(stack.url(), path, order({ key, ...changed }));
      expect(other).toMatchObject({ status: 422, json: { name: 'KeyInUse' } });
    }
    const twice = `{"key":"${key}","model":"${flux}","input":{"prompt":"another","prompt":"never made"}}`;
    const attached = await call(stack.url(), path, raw(twice));
    expect(attached, 'of a name that stands twice the last wins').toMatchObject({ status: 200, json: { key } });
    const undecided = { method: 'POST', body: { action: 'abandon' } };
    const decision = await call(stack.url(), `${path}/${key}/resolution`, undecided);
    expect(decision).toMatchObject({ status: 409, json: { name: 'ResolutionRefused' } });
    expect(await call(stack.url(), `${path}/${key}/result?wait=60s`)).toMatchObject({ status: 200 });
    expect(stack.simulator().ledger().jobs).toMatchObject([{ model: flux, input: { prompt: 'never made' } }]);
  });
});
