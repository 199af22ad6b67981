import { once } from 'node:events';
import { request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anonymousAccess } from '../../../gateway/access/access.ts';
import { createGateway } from '../../../gateway/create-gateway.ts';
import { createWatcher } from '../../../gateway/following/create-watcher.ts';
import type { GatewayParts } from '../../../gateway/gateway-parts.ts';
import type { SeenGeneration } from '../../../gateway/generations/read-generations.ts';
import { originOf } from '../../../gateway/http/guards.ts';
import { waitMsOf } from '../../../gateway/http/waiting.ts';
import { listenOnAll } from '../../../gateway/listen-on-all.ts';
import { createGatewayMetrics } from '../../../gateway/metrics/gateway-metrics.ts';
import { eventually } from '../../support/eventually.ts';

const state = { model: 'a/b', submission: 'accepted', reads: 1, deadlineAt: '2026-11-28T00:00:00.000Z' };
const seen = { phase: 'in_queue', runId: 'r', startedAt: '2026-11-27T00:00:00.000Z', ...state } as const;
/** Follows what never changes. */
const watcher = createWatcher<SeenGeneration>((key) => ({
  readState: () => Promise.resolve(toSeen(key)),
  isEnd: () => false,
  awaitEnd: (signal) => once(signal, 'abort'),
}));
const toSeen = (key: string) => ({ ...seen, key, state: { ...seen } }) as unknown as SeenGeneration;

/** A gateway before a Temporal that must not be called. */
const parts = {
  access: anonymousAccess,
  settings: {
    host: '127.0.0.1',
    publicUrl: 'https://media.example.com',
    onUnknownSubmission: 'hold',
    submitGraceMs: 0,
  },
  metrics: createGatewayMetrics(),
  log: pino({ level: 'silent' }),
  originOf,
  isDraining: () => false,
  reader: { read: (key: string) => Promise.resolve(toSeen(key)) },
  watchers: { generations: watcher },
} as unknown as GatewayParts;

let app: FastifyInstance;
let port: number;

beforeAll(async () => {
  app = await createGateway(parts, () => Promise.resolve({ ready: true }));
  await app.listen({ host: '127.0.0.1', port: 0 });
  ({ port } = app.server.address() as AddressInfo);
});
afterAll(() => app.close());

/** All that comes back for these bytes until the gateway hangs up. */
async function answerTo(bytes: string | Buffer, to = { address: '127.0.0.1', port }): Promise<string> {
  const socket = connect(to.port, to.address);
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  socket.on('error', () => undefined);
  socket.write(bytes);
  await once(socket, 'close');
  return text;
}

const host = 'host: 127.0.0.1\r\n';
const json = 'content-type: application/json\r\n';
const faces: [face: string, target: string, code: RegExp][] = [
  ["RunComfy's API", '/v1/models/kling/kling-3.0', /"error_code":(\d+)/],
  ['our API', '/api/v1/generations', /"name":"(\w+)"/],
];
const nameIn = (answer: string, pattern: RegExp) => [/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1], pattern.exec(answer)?.[1]];

describe.each(faces)('%s', (face, target, code) => {
  const ofRunComfy = face.startsWith('RunComfy');
  const words = (number: string, name: string) => (ofRunComfy ? number : name);

  it('reads 2 MiB of a body without a length and no byte more: 413, and the connection is closed', async () => {
    const size = 2 * 1024 * 1024 + 1;
    const head = `POST ${target} HTTP/1.1\r\n${host}${json}transfer-encoding: chunked\r\n\r\n`;
    const answer = await answerTo(`${head}${size.toString(16)}\r\n${'x'.repeat(size)}\r\n0\r\n\r\n`);
    expect(nameIn(answer, code)).toEqual(['413', words('413001', 'TooLarge')]);
    expect(answer).toMatch(/^connection: close\r$/im);
  });

  it.each([
    [
      'both lengths',
      `POST ${target} HTTP/1.1\r\n${host}${json}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}`,
    ],
    ['two lengths', `POST ${target} HTTP/1.1\r\n${host}${json}content-length: 2\r\ncontent-length: 3\r\n\r\n{}`],
    ['a folded header', `GET ${target} HTTP/1.1\r\n${host}x-a: b\r\n c\r\n\r\n`],
    ['a bare line feed', `GET ${target} HTTP/1.1\n${host}x-a: b\n\n`],
    ['a blank before the colon', `GET ${target} HTTP/1.1\r\n${host}x-a : b\r\n\r\n`],
    ['no host', `GET ${target} HTTP/1.1\r\n\r\n`],
    ['two hosts', `GET ${target} HTTP/1.1\r\n${host}${host}\r\n`],
  ])('takes no request that another server might read otherwise: %s', async (_what, bytes) => {
    const answer = await answerTo(`${bytes}GET /healthz HTTP/1.1\r\n${host}\r\n`);
    expect(nameIn(answer, code)).toEqual(['400', words('400006', 'MalformedRequest')]);
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(answer).toMatch(/^connection: close\r$/im);
  });

  it.each(['TRACE', 'PATCH', 'PURGE', 'OPTIONS'])('does nothing for %s', async (method) => {
    // As a browser asks whether a page of another origin may call.
    const more = method === 'OPTIONS' ? 'origin: https://evil.example\r\naccess-control-request-method: POST\r\n' : '';
    const answer = await answerTo(`${method} ${target} HTTP/1.1\r\n${host}${more}connection: close\r\n\r\n`);
    expect(answer).not.toMatch(/^access-control-/im);
    const [status, name] = nameIn(answer, code);
    expect(['404', '405']).toContain(status);
    expect([words('405001', 'MethodNotAllowed'), words('404001', 'RouteNotFound')]).toContain(name);
  });
});

it.each<[what: string, lines: string, status: string, name: string]>([
  ['names no host', '', '400', 'MalformedRequest'],
  ['expects what nobody knows', `${host}expect: x\r\n`, '404', 'RouteNotFound'],
  ['is no HTTP', `${host}x-a : b\r\n`, '400', 'MalformedRequest'],
])('answers whoever %s as everybody else', async (_what, lines, status, name) => {
  const answer = await answerTo(`GET /api/v1/nothing HTTP/1.1\r\n${lines}connection: close\r\n\r\n`);
  expect(nameIn(answer, /"name":"(\w+)"/)).toEqual([status, name]);
  for (const [header, value] of [
    ['content-type', 'application/problem\\+json'],
    ['x-request-id', '[0-9a-f-]{36}'],
    ['x-content-type-options', 'nosniff'],
    ['referrer-policy', 'no-referrer'],
    ['cross-origin-resource-policy', 'same-origin'],
    ['cache-control', 'no-store'],
    ['strict-transport-security', 'max-age=\\d+'],
  ] as const)
    expect(answer).toMatch(new RegExp(`^${header}: ${value}\r$`, 'im'));
});

it.each([
  ['1.1', '', '400'],
  ['1.1', `${host}host: evil.example\r\n`, '400'],
  ['1.0', '', '200'],
])('answers a probe over HTTP %s that names these hosts: "%s"', async (version, lines, status) => {
  const answer = await answerTo(`GET /healthz HTTP/${version}\r\n${lines}connection: close\r\n\r\n`);
  expect(nameIn(answer, /$/)[0]).toBe(status);
});

it('answers on every address of a host as on the first', async () => {
  const both = await createGateway(parts, () => Promise.resolve({ ready: true }));
  const other = process.platform === 'linux' ? '127.0.0.2' : '::1';
  const addresses = Promise.resolve(['127.0.0.1', other, other]);
  const closeOthers = await listenOnAll(both, { host: 'localhost', port: 0 }, addresses);
  const { port: bound } = both.server.address() as AddressInfo;
  for (const bytes of ['CONNECT example.com:443 HTTP/1.1', 'GET /api/v1/nothing HTTP/1.1\r\nexpect: x', 'x']) {
    const answers = ['127.0.0.1', other].map(async (address) => {
      return (await answerTo(`${bytes}\r\n${host}connection: close\r\n\r\n`, { address, port: bound })).slice(0, 12);
    });
    const [first, second] = await Promise.all(answers);
    expect(first).toMatch(/^HTTP\/1\.1 40[045]$/);
    expect(second).toBe(first);
  }
  const idle = connect(bound, other);
  idle.write(`GET /healthz HTTP/1.1\r\n${host}\r\n`);
  await once(idle, 'data');
  const hungUp = once(idle.resume(), 'close');
  const closed = Promise.all([both.close(), closeOthers()]);
  both.server.closeAllConnections();
  await Promise.all([closed, hungUp]);
});

it('is no proxy: CONNECT is refused', async () => {
  const answer = await answerTo(`CONNECT example.com:443 HTTP/1.1\r\n${host}\r\n`);
  expect(answer).toMatch(/^HTTP\/1\.1 40[45] /);
});

it('hangs up on who asked for a tunnel and keeps its own half open, or goes on sending', async () => {
  const taken: Duplex[] = [];
  app.server.on('connect', (_request, socket: Duplex) => taken.push(socket));
  const [silent, talking] = [1, 2].map(() => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => undefined).resume();
    socket.write(`CONNECT example.com:443 HTTP/1.1\r\n${host}\r\n`);
    return socket;
  });
  const drops = setInterval(() => talking?.write('x'), 50);
  await eventually(() => {
    expect(taken.map(({ destroyed }) => destroyed)).toEqual([true, true]);
  });
  clearInterval(drops);
  silent?.destroy();
  talking?.destroy();
});

it('waits 30 s at most for whoever sends a body, or headers, drop by drop: 408', async () => {
  const { requestTimeout, headersTimeout } = app.server;
  expect([requestTimeout, headersTimeout].map((ms) => ms > 0 && ms + 5_000 < 30_000)).toEqual([true, true]);
  app.server.requestTimeout = 100;
  app.server.headersTimeout = 100;
  const answers = await Promise.all(
    faces.map(([, target]) =>
      Promise.all([
        answerTo(`POST ${target} HTTP/1.1\r\n${host}${json}content-length: 100\r\n\r\n{"a"`),
        answerTo(`GET ${target} HTTP/1.1\r\n${host}x-slow: `),
      ]),
    ),
  );
  Object.assign(app.server, { requestTimeout, headersTimeout });
  for (const [at, [ofBody, ofHeaders]] of answers.entries()) {
    expect(nameIn(ofBody, faces[at]?.[2] ?? /$/)).toEqual(['408', at === 0 ? '408001' : 'TooSlow']);
    expect(ofHeaders).toMatch(/^HTTP\/1\.1 408 /);
  }
});

it.each<[prefer: string | undefined, query: string | undefined, waitMs: number | undefined]>([
  ['wait=0', undefined, 0],
  ['wait=9999', undefined, 60_000],
  ['wait=99999999999', undefined, 60_000],
  ['wait=x', undefined, undefined],
  ['respond-async', undefined, undefined],
  ['respond-async, wait=5', undefined, 5_000],
  [undefined, '9999s', 60_000],
  [undefined, undefined, undefined],
])('Prefer: %s and ?wait=%s wait %s ms', (prefer, wait, waitMs) => {
  const asked = { headers: { prefer } } as unknown as Parameters<typeof waitMsOf>[0];
  expect(waitMsOf(asked, { wait })).toBe(waitMs);
});

it('answers at once where nobody asked it to wait, or for nothing', async () => {
  const url = `http://127.0.0.1:${String(port)}/api/v1/generations/k/result`;
  for (const [prefer, applied] of [
    ['wait=0', 'wait=0'],
    ['wait=x', null],
    ['respond-async', null],
  ] as const) {
    const { status, headers } = await fetch(url, { headers: { prefer } });
    expect([status, headers.get('preference-applied')], prefer).toEqual([202, applied]);
  }
});

it('shows on its page the document that it serves', async () => {
  const [shown, served] = await Promise.all([app.inject('/api/v1/docs/json'), app.inject('/api/v1/openapi.json')]);
  expect(shown.json()).toEqual(served.json());
});

it.each([
  ['/', "'self'"],
  ['/api/v1/docs/', "'self' 'unsafe-inline'"],
])('serves %s with a policy that lets it load nothing of others', async (url, styles) => {
  const { statusCode, headers } = await app.inject(url);
  const policy = String(headers['content-security-policy']).split('; ').toSorted();
  expect([statusCode, ...policy]).toEqual([
    200,
    "base-uri 'none'",
    "connect-src 'self'",
    "default-src 'none'",
    "font-src 'self'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "img-src 'self' data:",
    "media-src 'self'",
    "script-src 'self'",
    `style-src ${styles}`,
  ]);
});

it('names every unknown field where it stands, of whatever operation', async () => {
  const { paths } = JSON.parse(app.ownDocument()) as { paths: Record<string, Record<string, { operationId: string }>> };
  const operations = Object.entries(paths).flatMap(([place, methods]) =>
    Object.entries(methods).map(([method, { operationId }]) => ({ place, method, operationId })),
  );
  const issuesOf = async (url: string, payload?: object) => {
    const method = payload ? 'POST' : 'GET';
    return (await app.inject({ method, url, ...(payload && { payload }) })).json<{ issues?: unknown }>().issues;
  };
  for (const { place, method, operationId } of operations) {
    const url = place.replace('{event}', 'generation.succeeded').replaceAll(/\{\w+\}/g, 'k');
    const unknown = (path: string) => expect.arrayContaining([{ path, message: 'unknown field' }]) as unknown;
    if (method === 'get') expect(await issuesOf(`${url}?odd=1`), operationId).toEqual(unknown('query.odd'));
    else expect(await issuesOf(url, { action: 'abandon', odd: 1 }), operationId).toEqual(unknown('body.odd'));
  }
  const webhook = { url: 'https://a.example', secret: 'a', 'c.d': 1 };
  expect(await issuesOf('/api/v1/generations', { model: 'a/b', odd: 1, even: 2, webhook })).toMatchObject([
    { path: 'body.webhook.c.d' },
    { path: 'body.odd' },
    { path: 'body.even' },
  ]);
  const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`k${String(at)}`, 1]));
  expect(await issuesOf('/api/v1/generations/k/nudge', many)).toHaveLength(51);
});

it.each(['result?wait=60s', 'events'])('watches nothing for a caller of %s who has left', async (what) => {
  const path = `/api/v1/generations/${what.slice(0, 3)}/${what}`;
  const called = request({ port, host: '127.0.0.1', path }).end();
  called.on('error', () => undefined);
  await eventually(() => {
    expect(watcher.watched()).toBe(1);
  });
  called.destroy();
  await eventually(() => {
    expect(watcher.watched()).toBe(0);
  });
});
