import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { call, type GatewayCall, gatewayStack } from '../support/gateway-stack.ts';
import { flux, kling, klingInput } from '../support/simulator-client.ts';

const stack = gatewayStack();

const path = `/v1/models/${flux}`;
const input = { prompt: 'never made' };
const json = { 'content-type': 'application/json' };
const raw = (body: string | Buffer): GatewayCall => ({ method: 'POST', headers: json, body });
const order = (headers: Record<string, string | string[]> = {}, body: object = input): GatewayCall => ({
  method: 'POST',
  headers,
  body,
});

/** As a browser asks whether a page may call. */
const preflight = { origin: 'https://evil.example', 'access-control-request-method': 'POST' };

/** Calls that must be refused, and as what. */
const rows: [what: string, target: string, call: GatewayCall, status: number, code: number][] = [
  ['a rebound host name', path, order({ host: 'evil.example' }), 421, 421001],
  ['a rebound host name with the right port', '/v1/models', { headers: { host: 'evil.example:8090' } }, 421, 421001],
  ['a foreign origin', path, order({ origin: 'https://evil.example' }), 403, 403004],
  ['no origin at all', path, order({ origin: 'null' }), 403, 403004],
  ['a cross-site call', path, order({ 'sec-fetch-site': 'cross-site' }), 403, 403004],
  [
    'a cross-site read, where nobody shows a key',
    '/v1/models',
    { headers: { origin: 'https://evil.example' } },
    403,
    403004,
  ],
  ['text', path, { ...raw('{"prompt":"x"}'), headers: { 'content-type': 'text/plain' } }, 415, 415001],
  [
    "a form, curl's default",
    path,
    { ...raw('{}'), headers: { 'content-type': 'application/x-www-form-urlencoded' } },
    415,
    415001,
  ],
  ['no content type', path, { method: 'POST', body: '{}' }, 415, 415001],
  ['nothing', path, { method: 'POST' }, 415, 415001],
  ['an empty body', path, raw(''), 422, 422001],
  ['null', path, raw('null'), 422, 422001],
  ['a list', path, raw('[]'), 422, 422001],
  ['a text', path, raw('"x"'), 422, 422001],
  ['half of JSON', path, raw('{'), 422, 422001],
  ['a prototype', path, raw('{"prompt":"x","__proto__":{"a":1}}'), 422, 422001],
  ['bytes that are no text', path, raw(Buffer.from([0x7b, 0xff, 0x7d])), 422, 422001],
  ['compression', path, order({ 'content-encoding': 'gzip' }), 415, 415001],
  ['more than 2 MiB', path, order({}, { prompt: 'x'.repeat(2 * 1024 * 1024) }), 413, 413001],
  ['an integer that would be rounded', path, raw('{"prompt":"x","seed":12345678901234567890}'), 422, 422001],
  ['101 levels', path, raw(`{"prompt":${'['.repeat(101)}${']'.repeat(101)}}`), 422, 422001],
  [
    '100,000 fields',
    path,
    order({}, Object.fromEntries(Array.from({ length: 1e5 }, (_, at) => [`k${String(at)}`, 1]))),
    422,
    422001,
  ],
  ['an unknown model', '/v1/models/nobody/makes/this', order(), 400, 400001],
  ['a model of one segment', '/v1/models/a', order(), 400, 400001],
  ['a model of six segments', '/v1/models/a/b/c/d/e/f', order(), 400, 400001],
  ['an empty segment', '/v1/models/a//b', order(), 400, 400001],
  ['a way up', '/v1/models/a/../b', order(), 400, 400001],
  ['an encoded way up', '/v1/models/a/%2e%2e/b', order(), 400, 400001],
  ['a NUL', '/v1/models/a/b%00', order(), 400, 400001],
  ['a model of 300 characters', `/v1/models/a/${'b'.repeat(300)}`, order(), 400, 400001],
  ['the categories as a model', '/v1/models/categories', order(), 400, 400001],
  ['broken percent-encoding', '/v1/models/a/%zz', order(), 400, 400006],
  ['a missing field', path, order({}, {}), 422, 422001],
  ['a wrong duration', `/v1/models/${kling}`, order({}, { ...klingInput, duration: 99 }), 422, 422001],
  [
    'a data URI',
    `/v1/models/${kling}`,
    order({}, { ...klingInput, start_image_url: 'data:image/png;base64,AA' }),
    422,
    422001,
  ],
  [
    'media on a private host',
    `/v1/models/${kling}`,
    order({}, { ...klingInput, start_image_url: 'https://10.0.0.1/a.png' }),
    422,
    422001,
  ],
  ['an empty key', path, order({ 'idempotency-key': '' }), 400, 400006],
  ['a key of 256 characters', path, order({ 'idempotency-key': 'k'.repeat(256) }), 400, 400006],
  ['a key with a blank', path, order({ 'idempotency-key': 'a b' }), 400, 400006],
  ['two keys', path, order({ 'idempotency-key': ['a', 'b'] }), 400, 400006],
  ['half a quote', path, order({ 'idempotency-key': '"a' }), 400, 400006],
  ['a deadline in words', path, order({ 'cancel-after': 'soon' }), 400, 400006],
  ['a deadline of nothing', path, order({ 'cancel-after': '0' }), 400, 400006],
  ['a deadline beyond a year', path, order({ 'cancel-after': '400d' }), 400, 400006],
  ['an unknown policy', path, order({ 'runcomfy-temporal-on-unknown': 'guess' }), 400, 400006],
  ['an unknown retry', path, order({ 'runcomfy-temporal-retry': 'always' }), 400, 400006],
  ['another method', path, { method: 'PUT', headers: json, body: '{}' }, 405, 405001],
  ['a preflight', path, { method: 'OPTIONS', headers: preflight }, 405, 405001],
  ['an unknown path', '/v1/nothing', {}, 404, 404001],
  ['a path of 10,000 characters', `/v1/${'x'.repeat(10_000)}`, {}, 414, 414001],
  ['a query of 10,000 characters', `/v1/models?search=${'x'.repeat(10_000)}`, {}, 414, 414001],
  ['20 KiB of headers', '/v1/models', { headers: { 'x-long': 'x'.repeat(20 * 1024) } }, 431, 431001],
];

describe('a call that cannot be carried out', () => {
  it.each(rows)('is refused with a sentence, and does nothing: %s', async (_what, target, made, status, code) => {
    const answer = await call(stack.url(), target, made);
    expect([answer.status, answer.json['error_code']], answer.text.slice(0, 500)).toEqual([status, code]);
    expect(answer.json['error_message']).toMatch(/\w+ \w+/);
    expect(answer.json['error_message']).not.toMatch(
      /401|429|timed out|timeout|unauthorized|not signed in|invalid input|invalid json/i,
    );
    expect(answer.headers).toMatchObject({ 'content-type': 'application/json', 'x-content-type-options': 'nosniff' });
    expect(Object.keys(answer.headers).filter((name) => /^(access-control|server$|x-powered)/.test(name))).toEqual([]);
    expect(stack.simulator().ledger().jobs).toEqual([]);
  });

  it('names every problem of the input, the first in the sentence itself', async () => {
    const body = { ...klingInput, duration: 99, cfg_scale: 7 };
    const answer = await call(stack.url(), `/v1/models/${kling}`, { method: 'POST', body });
    const detail = answer.json['detail'] as { loc: string[] }[];
    expect(detail.map(({ loc }) => loc)).toEqual(
      expect.arrayContaining([
        ['body', 'duration'],
        ['body', 'cfg_scale'],
      ]),
    );
    expect(answer.json['error_message']).toContain('$.');
  });

  it('tells the methods that a path takes, and echoes the id of a request', async () => {
    const id = randomUUID();
    const answer = await call(stack.url(), `/v1/requests/x/status`, {
      method: 'DELETE',
      headers: { 'x-request-id': id },
    });
    expect(answer).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD', 'x-request-id': id } });
    const other = await call(stack.url(), '/healthz', { headers: { 'x-request-id': 'no good' } });
    expect(other.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('what is unusual and right', () => {
  it('is taken: a byte order mark, an encoded slash, a slash at the end, an origin of its own, a name twice', async () => {
    const prompt = randomUUID();
    const body = Buffer.from(`\uFEFF${JSON.stringify({ prompt })}`);
    const key = { 'idempotency-key': randomUUID() };
    const encoded = `/v1/models/${flux.replaceAll('/', '%2F')}`;
    const origin = { origin: stack.url() };
    const made: [string, GatewayCall][] = [
      [path, { method: 'POST', headers: { ...json, ...key }, body }],
      [encoded, { method: 'POST', headers: { ...key, 'sec-fetch-site': 'same-origin' }, body: { prompt } }],
      [`${path}/`, { method: 'POST', headers: { ...key, ...origin }, body: { prompt } }],
      // The last one wins.
      [path, { method: 'POST', headers: { ...json, ...key }, body: `{"prompt":"another","prompt":"${prompt}"}` }],
    ];
    for (const [target, one] of made) {
      expect(await call(stack.url(), target, one)).toMatchObject({
        status: 200,
        json: { request_id: key['idempotency-key'] },
      });
    }
    const isMade = () =>
      stack
        .simulator()
        .ledger()
        .jobs.filter(({ input }) => input['prompt'] === prompt);
    await expect.poll(isMade).toHaveLength(1);
    expect(await call(stack.url(), `/v1/requests/${key['idempotency-key']}/status/`)).toMatchObject({ status: 200 });
  });
});
