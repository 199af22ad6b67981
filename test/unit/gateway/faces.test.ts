import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { GenerationError } from '../../../client/index.ts';
import { type Access, anonymousAccess } from '../../../gateway/access/access.ts';
import { RefusalError } from '../../../gateway/http/refusal-error.ts';
import { root } from '../../support/docs.ts';
import { page, serve, told, withKey } from '../../support/gateway-in-process.ts';
import { call, type GatewayCall } from '../../support/gateway-stack.ts';
import { flux } from '../../support/simulator-client.ts';

it('our API says that the issuer of tokens is away', async () => {
  const away = () => Promise.reject(new RefusalError('IssuerUnreachable', 'away', { headers: { 'retry-after': '5' } }));
  const url = await serve({ ...anonymousAccess, isAnonymous: false, authenticate: away });
  const answer = await call(url, '/api/v1/whoami');
  expect(answer).toMatchObject({ status: 503, json: { name: 'IssuerUnreachable', retryAfterS: 5 } });
});

it.each<[what: string, made: GatewayCall & { text?: string }, status: number, code: number]>([
  ['broken JSON', { text: '{' }, 400, -32_700],
  ['an array of messages', { body: [{ jsonrpc: '2.0', id: 1, method: 'ping' }] }, 400, -32_600],
  ['no credential', { body: {}, headers: { authorization: '' } }, 401, -32_000],
  ['another type', { text: '{}', headers: { 'content-type': 'text/plain' } }, 415, -32_000],
])('agents are told of %s by an error of their protocol', async (_what, made, status, code) => {
  const { access, headers } = withKey({});
  const url = await serve(access);
  const answer = await fetch(`${url}/mcp?x=1`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers, ...made.headers } as Record<string, string>,
    body: made.text ?? JSON.stringify(made.body),
  });
  expect(answer.status).toBe(status);
  expect(answer.headers.has('www-authenticate')).toBe(status === 401);
  expect(await answer.json()).toEqual({ jsonrpc: '2.0', id: null, error: { code, message: expect.any(String) } });
});

it.each([
  [1, 200, { count: 2 }],
  [2, 404, { name: 'ModelNotFound' }],
])('items from %i on that would be refused by now are answered as before where there are such', async (...row) => {
  const [from, status, json] = row;
  const added: object[] = [];
  const handle = {
    key: 'k',
    plan: () => Promise.resolve(undefined),
    defaults: () => Promise.resolve(undefined),
    budgets: () => Promise.resolve(undefined),
    state: () => Promise.resolve({ phase: 'running', counts: { total: 2 }, money: {} }),
    add: (message: object) => Promise.resolve({ count: 1 + added.push(message) }),
  };
  const batches = { get: () => Promise.resolve(handle) };
  const catalogue = { check: () => Promise.resolve('unknown model') };
  const url = await serve(anonymousAccess, { catalogue, generations: { batches } });
  const body = { from, items: [{ id: 'b', model: 'no/more', input: {} }] };
  const answer = await call(url, '/api/v1/batches/k/add', { method: 'POST', body });
  expect(answer, answer.text).toMatchObject({ status, json });
  expect(added).toHaveLength(status === 200 ? 1 : 0);
});

describe('a page that may call', () => {
  it('reads why it was refused', async () => {
    const { access } = withKey({});
    const url = await serve(access);
    const answer = await call(url, '/api/v1/whoami', { headers: { origin: page } });
    expect(answer).toMatchObject({ status: 401, headers: { 'access-control-allow-origin': page } });
    for (const readable of ['Retry-After', 'Preference-Applied', 'X-RunComfy-Degraded', 'WWW-Authenticate']) {
      expect(String(answer.headers['access-control-expose-headers'])).toContain(readable);
    }
    const foreign = await call(url, '/api/v1/whoami', { method: 'POST', headers: { origin: 'https://evil.example' } });
    expect([foreign.status, foreign.headers['access-control-allow-origin']]).toEqual([403, undefined]);
    // Nobody's page reads the tools for agents.
    expect(await call(url, '/mcp', { headers: { origin: 'https://evil.example' } })).toMatchObject({ status: 403 });
  });

  it('is told the methods of a path by an OPTIONS that is no preflight', async () => {
    const url = await serve(anonymousAccess);
    const answer = await call(url, '/v1/models', { method: 'OPTIONS', headers: { origin: page } });
    expect(answer).toMatchObject({ status: 405, json: { error_code: 405001 }, headers: { allow: 'GET, HEAD' } });
    const asked = { origin: page, 'access-control-request-method': 'GET' };
    expect(await call(url, '/v1/models', { method: 'OPTIONS', headers: asked })).toMatchObject({ status: 204 });
  });
});

describe('a message that says nothing', () => {
  const types = ['', 'garbage', 'application/json', 'application/octet-stream', 'text/plain; charset'];
  const lengths = [{ 'content-length': '0' }, { 'transfer-encoding': 'chunked' }];
  const cases = types.flatMap((type) => lengths.map((length) => ({ 'content-type': type, ...length })));

  it.each(cases)('is taken whatever its type, and the end of its body: %j', async (headers) => {
    const url = await serve(anonymousAccess);
    const told: GatewayCall = { method: 'POST', headers };
    expect(await call(url, '/v1/requests/k/cancel', told)).toMatchObject({ status: 202 });
    expect(await call(url, '/api/v1/generations/k/cancel', told)).toMatchObject({ status: 200 });
    expect(await call(url, '/api/v1/generations/k/nudge', told)).toMatchObject({ status: 204 });
    expect((await call(url, '/api/v1/generations', told)).status).toBeGreaterThanOrEqual(400);
  });

  it('cancels with a body of no known type, too', async () => {
    const url = await serve(anonymousAccess);
    const odd = { method: 'POST', headers: { 'content-type': 'no type' }, body: 'junk' };
    expect(await call(url, '/v1/requests/k/cancel', odd)).toMatchObject({ status: 202 });
    expect(await call(url, '/api/v1/generations/k/cancel', odd)).toMatchObject({ status: 415 });
    const statuses = ['application/json', 'text/plain', 'no type'].map(async (type) => {
      const inChunks = { body: new Blob(['{"odd":1}']).stream(), duplex: 'half' as const };
      const made = { method: 'POST', headers: { 'content-type': type }, ...inChunks };
      return (await fetch(`${url}/api/v1/generations/k/cancel`, made)).status;
    });
    expect(await Promise.all(statuses)).toEqual([422, 415, 415]);
  });
});

describe('the catalogue', () => {
  it('is asked as the caller asked, and refuses in its own words', async () => {
    const url = await serve(anonymousAccess);
    await call(url, '/v1/models?category=a&search=x%20y&category=b&token=hidden');
    expect(told.at(-1)).toBe('category=a&search=x+y&category=b');
    const refused = await call(url, '/v1/models?limit=0');
    expect(refused).toMatchObject({ status: 422, json: { error_code: 422001 } });
    expect(refused.json['error_message']).toContain('limit must be positive');
  });

  it.each([404, 422])("is told in RunComfy's words where it refuses with %i", async (httpStatus) => {
    const refuse = () => Promise.reject(Object.assign(new Error('no'), { httpStatus, vendorMessage: 'not so' }));
    const catalogue = { models: refuse, categories: refuse, model: refuse, balance: refuse };
    const url = await serve(anonymousAccess, { catalogue });
    for (const target of ['/v1/models', '/v1/models/categories', `/v1/models/${flux}`, '/prod/v2/balance']) {
      const { status, json } = await call(url, target);
      expect([status, json['error_message']], target).toEqual([httpStatus, 'RunComfy refuses this: not so']);
    }
  });

  it('is found by models as people write them', async () => {
    const url = await serve(anonymousAccess);
    expect(await call(url, `/api/v1/models/${flux}`)).toMatchObject({ status: 200, json: { model: flux } });
    const checked = { method: 'POST', body: { input: {} } };
    const reply = await call(url, `/api/v1/models/${flux}/check`, checked);
    expect(reply).toMatchObject({ status: 200, json: { valid: true } });
    expect(await call(url, '/api/v1/models/a/b/c', checked)).toMatchObject({ json: { name: 'RouteNotFound' } });
    expect(await call(url, '/api/v1/models/no/such')).toMatchObject({ json: { name: 'ModelNotFound' } });
  });
});

describe("an answer of RunComfy's API", () => {
  interface Response {
    $ref?: string;
    headers?: object;
    content?: Record<string, { schema: object }>;
  }
  const document = parse(readFileSync(path.join(root, 'docs/compat-openapi.yaml'), 'utf8')) as {
    paths: Record<string, Record<string, { responses: Record<string, Response> }>>;
    components: { responses: Record<string, Response> };
  };
  const ajv = new Ajv2020({ strict: false, formats: { uri: (text: string) => URL.canParse(text) } });
  ajv.addSchema(document, 'document');
  /** Of every answer, and what HTTP itself needs. */
  const always = ['content-type', 'content-length', 'connection', 'date', 'keep-alive', 'vary', 'cache-control'];
  const ofGuards = ['x-content-type-options', 'referrer-policy', 'cross-origin-resource-policy'];
  const ofPages = ['access-control-expose-headers'];
  const order = { method: 'POST', headers: { 'idempotency-key': 'k' }, body: { prompt: 'x' } };

  it.each<[place: string, target: string, made: GatewayCall, status: number]>([
    ['/v1/models/{model_id}', `/v1/models/${flux}`, order, 200],
    ['/v1/models/{model_id}', `/v1/models/${flux}`, { ...order, headers: { 'cancel-after': 'soon' } }, 400],
    ['/v1/models/{model_id}', `/v1/models/${flux}`, { method: 'POST', body: [] }, 422],
    ['/v1/models/{model_id}', '/v1/models/a', {}, 400],
    ['/v1/models', '/v1/models', {}, 200],
    ['/v1/models', '/v1/models?limit=0', {}, 422],
    ['/v1/requests/{id}/status', '/v1/requests/k/status', {}, 200],
    ['/v1/requests/{id}/status', '/v1/requests/a.b/status', {}, 404],
    ['/v1/requests/{id}/result', '/v1/requests/k/result?include_cost=true', {}, 200],
    ['/v1/requests/{id}/cancel', '/v1/requests/k/cancel', { method: 'POST' }, 202],
    ['/v1/requests/{id}/cancel', '/v1/requests/k/cancel', { method: 'POST', headers: { host: 'evil.example' } }, 421],
    ['/prod/v2/balance', '/prod/v2/balance', {}, 503],
  ])('is as the document has it: %s, %s', async (place, target, made, status) => {
    const start = () => Promise.resolve({ key: 'k', runId: 'r', attached: true, notices: ['odd'] });
    const get = (key: string) =>
      Promise.resolve({ key, cancel: () => Promise.resolve({ outcome: 'cancelled', phase: 'cancelled' }) });
    const url = await serve(anonymousAccess, { generations: { start, get } });
    const answer = await call(url, target, made);
    expect(answer.status, answer.text).toBe(status);
    const method = (made.method ?? 'GET').toLowerCase();
    const told = document.paths[place]?.[method]?.responses[String(status)];
    const response = document.components.responses[told?.$ref?.replace('#/components/responses/', '') ?? ''] ?? told;
    const named = Object.keys(response?.headers ?? {}).map((name) => name.toLowerCase());
    const odd = Object.keys(answer.headers).filter(
      (name) => ![...named, ...always, ...ofGuards, ...ofPages].includes(name),
    );
    expect(odd).toEqual([]);
    const [schema] = Object.values(response?.content ?? {}).map((one) => one.schema);
    const validate = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"document#/')) as object);
    expect(validate(answer.json), JSON.stringify(validate.errors)).toBe(true);
  });
});

it('an API key is told what it is called, and how long it is valid', async () => {
  const { access, headers, id } = withKey({ expiresAt: '2126-11-27T01:00:00+01:00' });
  const url = await serve(access);
  const { json } = await call(url, '/api/v1/whoami', { headers });
  expect(json).toMatchObject({ keyId: id, name: 'render farm', expiresAt: '2126-11-27T00:00:00.000Z' });
});

it("no refusal of RunComfy's API shows a Workflow ID", async () => {
  const { access, headers } = withKey({});
  const message = 'key "acme/k" was used for another order';
  const start = () => Promise.reject(new GenerationError({ type: 'KeyInUse', message, key: 'acme/k' }));
  const url = await serve(access, { generations: { start } });
  const order = { method: 'POST', headers: { ...headers, 'idempotency-key': 'k' }, body: { prompt: 'x' } };
  const { status, json } = await call(url, `/v1/models/${flux}`, order);
  expect([status, json['error_message']]).toEqual([422, 'key "k" was used for another order']);
});

it('an equal order without a key is one in our API too, where its API key says so', async () => {
  const { access, headers } = withKey({ dedupe: { windowMs: 600_000 } });
  const started: unknown[] = [];
  const start = (_: unknown, { key, retry }: { key: string; retry?: string }) => {
    started.push([key, retry]);
    return Promise.resolve({ key, runId: 'r', attached: true, notices: [] });
  };
  const dedupedKeys = { keyFor: () => Promise.resolve('of-the-body') };
  const url = await serve(access, { generations: { start }, dedupedKeys });
  const order = (more: object) => ({ method: 'POST', headers, body: { model: flux, input: { prompt: 'x' }, ...more } });
  const answer = await call(url, '/api/v1/generations', order({}));
  expect(answer).toMatchObject({ status: 200, headers: { 'runcomfy-temporal-notice': 'deduplicated by body' } });
  await call(url, '/api/v1/generations', order({ key: 'mine' }));
  await call(url, '/api/v1/generations', order({ requestId: 'r-1' }));
  expect(started).toEqual([
    ['acme/of-the-body', 'if-unbilled'],
    ['acme/mine', undefined],
    [expect.not.stringMatching('of-the-body'), undefined],
  ]);
});

it('what is started through our API carries its labels, and is refused with the place of one that cannot be', async () => {
  const given: unknown[] = [];
  const start = (_: unknown, { key, labels }: { key: string; labels?: object }) => {
    given.push(labels);
    return Promise.resolve({ key, runId: 'r', attached: false, notices: [], state: () => Promise.resolve({}) });
  };
  const url = await serve(anonymousAccess, { generations: { start, pipelines: { start }, batches: { start } } });
  const bodies: [kind: string, body: object][] = [
    ['generations', { model: flux, input: { prompt: 'x' } }],
    ['pipelines', { plan: { version: 1, steps: {} } }],
    ['batches', { defaults: { model: flux } }],
  ];
  for (const [kind, body] of bodies) {
    const order = (labels: object) => call(url, `/api/v1/${kind}`, { method: 'POST', body: { ...body, labels } });
    expect((await order({ team: 'film' })).status, kind).toBe(201);
    const refused = await order({ 'a.b': 'x'.repeat(121), '1': 'y' });
    const paths = [{ path: 'body.labels.1' }, { path: 'body.labels.a.b' }];
    expect(refused, kind).toMatchObject({ status: 422, json: { name: 'InvalidInput', issues: paths } });
    expect(await order({ team: 1 }), kind).toMatchObject({
      status: 422,
      json: { issues: [{ path: 'body.labels.team' }] },
    });
  }
  expect(given).toEqual(bodies.map(() => ({ team: 'film' })));
});

it('a credential that was revoked listens no longer, and nobody is kept from listening by others who guess', async () => {
  const { access, keys, headers } = withKey({});
  const request = {
    ip: '192.0.2.1',
    headers,
    principal: { tenant: 'acme', scope: 'generate' },
    raw: { headersDistinct: { authorization: [headers.authorization] } },
  } as unknown as Parameters<Access['authenticate']>[0];
  const guess = { ...request, raw: { headersDistinct: { authorization: ['Bearer x'] } } } as unknown as typeof request;
  for (let at = 0; at < 25; at += 1) await access.authenticate(guess).catch(() => undefined);
  await expect(access.authenticate(request)).rejects.toMatchObject({ refusal: 'TooManyRequests' });
  expect(await access.isStillAllowed(request)).toBe(true);
  keys.pop();
  expect(await access.isStillAllowed(request)).toBe(false);
});

it('keys are taken with raw slashes, too', async () => {
  const url = await serve(anonymousAccess);
  for (const key of ['order/1', 'order%2F1']) {
    const target = `/api/v1/generations/${key}`;
    expect(await call(url, target)).toMatchObject({ status: 200, json: { key: 'order/1' } });
    expect(await call(url, `${target}/nudge`, { method: 'POST' })).toMatchObject({ status: 204 });
  }
});

it('a webhook secret in the place of its name is refused, and neither told nor logged', async () => {
  const lines: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) });
  const checkWebhook = ({ secret: path }: { secret: string }) => Promise.resolve([{ path, message: `none: ${path}` }]);
  const url = await serve(anonymousAccess, { log, checkWebhook });
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  const body = { model: flux, input: {}, webhook: { url: 'https://hooks.example', secret } };
  const { status, json, text } = await call(url, '/api/v1/generations', { method: 'POST', body });
  expect([status, json['issues']]).toMatchObject([422, [{ path: 'body.webhook.secret' }]]);
  expect(lines).not.toEqual([]);
  for (const said of [text, ...lines]) expect(said).not.toContain(secret);
});
