import { once } from 'node:events';
import { WorkflowFailedError } from '@temporalio/client';
import { expect, it, onTestFinished, vi } from 'vitest';
import { GenerationError, type GenerationErrorType } from '../../../client/index.ts';
import { anonymousAccess } from '../../../gateway/access/access.ts';
import { createWatcher } from '../../../gateway/following/create-watcher.ts';
import { serve } from '../../support/gateway-in-process.ts';
import { call, type GatewayCall } from '../../support/gateway-stack.ts';
import { flux } from '../../support/simulator-client.ts';

const generations = '/api/v1/generations';
const post = (body: object): GatewayCall => ({ method: 'POST', body });

/** What fails so, whatever is asked of it. */
const failing = (type: GenerationErrorType) => () =>
  Promise.reject(new GenerationError({ type, message: `it is ${type}`, key: 'k' }));
const of = (noun: string, calls: object) => ({ generations: { [noun]: calls } });
const handleOf = (calls: object) => ({ get: (key: string) => Promise.resolve({ key, ...calls }) });
const adopt = post({ action: 'adopt', requestId: 'of-another' });

type Row = [what: string, target: string, made: GatewayCall, generations: object, status: number, name: string];

it.each<Row | [...Row, says: string]>([
  ['a price that nobody knows', '', post({ model: flux, input: {}, maxPriceUsd: 1 }), {}, 422, 'PriceUnknown'],
  ['nothing to fetch late', '/k/late', post({}), { collectLate: failing('NoLateResult') }, 404, 'NoLateResult'],
  ['a late result of what runs', '/k/late', post({}), { collectLate: failing('StillRunning') }, 409, 'StillRunning'],
  ...(['RequestNotFound', 'Unauthenticated', 'ResolutionRefused'] as const).map((type): Row => [
    `a request that is not to be adopted (${type})`,
    ...(['/k/resolution', adopt, handleOf({ resolveSubmission: failing(type) }), 409, 'ResolutionRefused'] as const),
  ]),
  [
    'a busy Temporal',
    '/k/resolution',
    adopt,
    handleOf({ resolveSubmission: failing('TemporalBusy') }),
    503,
    'Overloaded',
  ],
  [
    'a decision to pay twice, of which nobody knows whether it was taken',
    '/k/resolution',
    post({ action: 'resubmit', acceptSecondBill: true }),
    handleOf({ resolveSubmission: failing('TemporalUnreachable') }),
    409,
    'StillRunning',
    'look at the generation before you decide once more',
  ],
])('%s is told by its name', async (_what, target, made, given, status, name, says = '') => {
  const url = await serve(anonymousAccess, { generations: given });
  const answer = await call(url, `${generations}${target}`, made);
  expect(answer, answer.text).toMatchObject({ status, json: { name, status } });
  expect(answer.headers['retry-after'], name).toBe(status === 503 ? '2' : undefined);
  expect(answer.json['detail']).toContain(says);
});

/** A workflow that has ended without a result. */
const endedAs = (type: GenerationErrorType) => () => {
  const cause = new WorkflowFailedError('failed', undefined, 'NON_RETRYABLE_FAILURE');
  return Promise.reject(new GenerationError({ type, message: `it is ${type}`, key: 'k', cause }));
};
const ended = { runId: 'r', isEnded: () => Promise.resolve(true), result: endedAs('GenerationCancelled') };
const plan = { version: 1, steps: {} };
const unknownModel = { catalogue: { check: () => Promise.resolve('unknown model') } };
const busyBudget = { set: failing('ServiceUnavailable'), release: failing('ServiceUnavailable') };
const items = [{ id: 'a', model: 'no/such', input: {} }];

it.each<[target: string, body: object | undefined, parts: object, status: number, name: string]>([
  ['/batches', { items }, unknownModel, 404, 'ModelNotFound'],
  ['/models/no%2Fsuch/check', { input: {} }, unknownModel, 404, 'ModelNotFound'],
  ['/pipelines/%01/preview', { plan }, {}, 404, 'KeyNotFound'],
  ['/pipelines/k/preview', { plan }, of('pipelines', { preview: failing('StillRunning') }), 409, 'StillRunning'],
  ['/pipelines', { plan }, of('pipelines', { start: failing('StillRunning') }), 409, 'StillRunning'],
  ['/batches/k/result', undefined, of('batches', handleOf(ended)), 409, 'GenerationCancelled'],
  ['/budgets', { name: 'b', limitUsd: 2 }, of('budgets', { create: failing('StillRunning') }), 409, 'StillRunning'],
  ['/budgets/b/set', { limitUsd: 2 }, of('budgets', busyBudget), 503, 'ServiceUnavailable'],
  ['/budgets/b/release', { key: 'k', reason: 'why' }, of('budgets', busyBudget), 503, 'ServiceUnavailable'],
])('%s is refused by name: %j', async (target, body, given, status, name) => {
  const answer = await call(await serve(anonymousAccess, given), `/api/v1${target}`, body && post(body));
  expect(answer, answer.text).toMatchObject({ status, json: { name, status } });
});

it('says of lists and counts that the server does not know our search attributes', async () => {
  const refuse = () => {
    const details = 'invalid search attribute: RunComfyPhase';
    return Promise.reject(Object.assign(new Error(details), { code: 3, details, metadata: { get: () => [] } }));
  };
  const isOurs = (query: string) => query.includes('RunComfy');
  const client = {
    withDeadline: (_: number, ask: () => unknown) => ask(),
    options: { namespace: 'default' },
    workflow: { count: (query: string) => (isOurs(query) ? refuse() : Promise.resolve({ count: 3 })) },
    workflowService: {
      listWorkflowExecutions: ({ query, pageSize }: { query: string; pageSize: number }) =>
        isOurs(query) ? refuse() : Promise.resolve(pageOf(pageSize)),
    },
  };
  const looked: number[] = [];
  // All of them are somebody else's, on a server that takes a prefix in small and in capital letters alike.
  const pageOf = (pageSize: number) => {
    looked.push(pageSize);
    const execution = { workflowId: 'ACME/1', runId: 'r' };
    return { executions: Array.from({ length: pageSize }, () => ({ execution })), nextPageToken: Buffer.from('more') };
  };
  const url = await serve(anonymousAccess, { client });
  const list = 'generations?phase=failed&keyPrefix=acme/&limit=150';
  const everything = 'generations?keyPrefix=acme/';
  for (const target of [list, everything, 'generation-counts', 'pipeline-counts', 'batch-counts']) {
    const { status, headers, text } = await call(url, `/api/v1/${target}`);
    expect([status, headers['x-runcomfy-degraded']], `${target}: ${text}`).toEqual([200, 'search-attributes']);
  }

  // What has to be looked at one by one is at most the newest thousand, whatever the sizes of the pages.
  looked.length = 0;
  for (let token = ''; ;) {
    const { json, text } = await call(url, `/api/v1/${list}${token}`);
    expect(json['generations'], text).toEqual([]);
    const { nextPageToken } = json as { nextPageToken?: string };
    if (nextPageToken === undefined) break;
    token = `&pageToken=${nextPageToken}`;
  }
  expect(looked).toEqual([150, 150, 150, 150, 150, 150, 100]);
});

const startedAt = '2026-11-27T00:00:00.000Z';

/** A generation as the gateway sees it. */
const seenAs = (phase: string, { key = 'k', ...more }: { key?: string; nextReadAt?: string | undefined } = {}) => {
  const state = { model: flux, submission: 'accepted', reads: 1, deadlineAt: '2026-11-28T00:00:00.000Z', phase };
  return { key, runId: 'r', startedAt, ...state, state: { ...state, ...more } };
};

it.each<[comesInMs: number | undefined, least: number, most: number]>([
  [undefined, 1, 1],
  [-60_000, 1, 1],
  [20_000, 1, 20],
  [3_600_000, 30, 30],
])('says when to ask again for a result: a read that comes in %s ms', async (comesInMs, least, most) => {
  const nextReadAt = comesInMs === undefined ? undefined : new Date(Date.now() + comesInMs).toISOString();
  const read = () => Promise.resolve(seenAs('in_queue', { nextReadAt }));
  const url = await serve(anonymousAccess, { reader: { read } });
  const { status, headers } = await call(url, `${generations}/k/result`);
  const seconds = Number(headers['retry-after']);
  expect([status, seconds >= least, seconds <= most], String(seconds)).toEqual([202, true, true]);
});

it('waits for another state than the one that is known: 200 as it comes, 304 where none does', async () => {
  const watcher = createWatcher((key) => ({
    readState: () => Promise.resolve(seenAs(key === 'goes-on' ? 'in_progress' : 'in_queue', { key })),
    isEnd: () => false,
    awaitEnd: (signal) => once(signal, 'abort'),
  }));
  const reader = { read: (key: string) => Promise.resolve(seenAs('in_queue', { key })) };
  const url = await serve(anonymousAccess, { reader, watchers: { generations: watcher } });
  const ask = async (key: string, prefer: string) => {
    const target = `${generations}/${key}`;
    const known = String((await call(url, target)).headers['etag']);
    return { known, ...(await call(url, target, { headers: { prefer, 'if-none-match': known } })) };
  };
  const changed = await ask('goes-on', 'wait=60');
  expect(changed).toMatchObject({ status: 200, json: { phase: 'in_progress' } });
  expect(changed.headers).toMatchObject({ 'preference-applied': 'wait=60', etag: expect.any(String) });
  expect(changed.headers['etag']).not.toBe(changed.known);
  const unchanged = await ask('stays', 'wait=1');
  expect(unchanged).toMatchObject({ status: 304, headers: { 'preference-applied': 'wait=1', etag: unchanged.known } });
});

it('streams the state that it has read at once, without asking for it anew', async () => {
  const seen = seenAs('failed');
  const url = await serve(anonymousAccess, { reader: { read: () => Promise.resolve({ ...seen, ending: seen }) } });
  const { text } = await call(url, `${generations}/k/events`);
  expect(text).toMatch(/^retry: 2000\n\nid: \S+\nevent: end\ndata: .*\n\n$/);
});

it.each(['pipelines', 'batches', 'budgets'])(
  'names the end of %s by its run, whoever tells it and how much',
  async (noun) => {
    const stateOf = (runId: string, phase: string, more: object = {}) => {
      const ofBudget = { name: 'k', ...(phase === 'failed' && { isClosed: true }) };
      return { runId, phase, steps: [], ...ofBudget, ...more };
    };
    let [state, isGone] = [stateOf('first', 'running'), false];
    const ofChain = { runId: 'first', firstRunId: 'first' };
    const found = (key: string) => Promise.resolve({ key, ...ofChain, state: () => Promise.resolve(state) });
    const get = (key: string) => (isGone ? failing('KeyNotFound')() : found(key));
    const ofBudgets = { state: () => get('k').then(() => state) };
    const watcher = {
      async *follow(key: string) {
        // A worker tells the end, in the run that the one which is watched was continued as; nobody can be asked any more.
        [state, isGone] = await Promise.resolve([stateOf('last', 'failed', { costUsd: 2 }), true]);
        yield noun === 'budgets' ? state : { key, state };
      },
    };
    const url = await serve(anonymousAccess, {
      generations: { [noun]: { get, ...ofBudgets } },
      watchers: { [noun]: watcher },
    });
    const target = `/api/v1/${noun}/k/events`;
    const { text } = await call(url, target);
    const [, id = '', told = '{}'] = /^id: (\S+)\nevent: end\ndata: (.*)$/m.exec(text) ?? [];
    expect(JSON.parse(told)).toMatchObject({ runId: 'last', costUsd: 2 });
    [state, isGone] = [stateOf('last', 'failed', { isFromServer: true }), false];
    const etag = String((await call(url, `/api/v1/${noun}/k`)).headers['etag']).replaceAll('"', '');
    for (const known of [id, etag]) {
      expect((await call(url, target, { headers: { 'last-event-id': known } })).status).toBe(204);
    }
    state = stateOf('reset, in the same chain', 'failed');
    expect((await call(url, target, { headers: { 'last-event-id': id } })).status).toBe(200);
  },
);

it('delivers an event again though Temporal is too busy for that at first', async () => {
  const answers = [failing('TemporalBusy'), () => Promise.resolve({ event: 'generation.failed' })];
  const url = await serve(anonymousAccess, of('webhooks', { replay: () => answers.shift()?.() }));
  const replayed = await call(url, `${generations}/k/webhooks/generation.failed/replay`, post({}));
  expect(replayed, replayed.text).toMatchObject({ status: 202, json: { event: 'generation.failed' } });
});

it('goes on with the lines of a batch where it was continued as new, and not where it was run again', async () => {
  let [runId, firstRunId] = ['first', 'first'];
  async function* results({ from }: { from: number }) {
    for (const id of ['a', 'b', 'c'].slice(from))
      yield await Promise.resolve({ id, key: `k/${id}`, status: 'succeeded' });
  }
  const state = () => Promise.resolve({ phase: 'running' });
  const get = (key: string) => Promise.resolve({ key, runId, firstRunId, state, results });
  const url = await serve(anonymousAccess, of('batches', { get }));
  const page = (token: string) => call(url, `/api/v1/batches/k/results?limit=2${token}`);
  const token = `&pageToken=${String((await page('')).json['nextPageToken'])}`;
  runId = 'second';
  expect(await page(token)).toMatchObject({ status: 200, json: { lines: [{ id: 'c' }] } });
  [runId, firstRunId] = ['another', 'another'];
  expect(await page(token)).toMatchObject({ status: 400, json: { name: 'MalformedRequest' } });
});

it('names the end of a generation by its run, whoever tells it and how much', async () => {
  let seen = seenAs('cancelled');
  const read = () => Promise.resolve({ ...seen, ending: seen });
  const url = await serve(anonymousAccess, { reader: { read } });
  const [, id = ''] = /^id: (\S+)$/m.exec((await call(url, `${generations}/k/events`)).text) ?? [];
  seen = seenAs('cancelled', { nextReadAt: startedAt });
  const again = { headers: { 'last-event-id': id } };
  expect((await call(url, `${generations}/k/events`, again)).status).toBe(204);
});

it('lets models be kept for 30 s, and nothing else', async () => {
  const list = () => Promise.resolve({ models: [], total: 0 });
  const entry = (modelId: string) => Promise.resolve(modelId === flux ? { modelId, categories: [] } : undefined);
  const url = await serve(anonymousAccess, { catalogue: { list, entry } });
  for (const [target, kept] of [
    ['/models', 'private, max-age=30'],
    [`/models/${flux}`, 'private, max-age=30'],
    ['/models/no/such', 'no-store'],
    ['/whoami', 'no-store'],
  ] as const) {
    expect((await call(url, `/api/v1${target}`)).headers['cache-control'], target).toBe(kept);
  }
});

it.each<[order: string, noun: string, body: object]>([
  ['generations?wait=10s', 'generations', { model: flux, input: {} }],
  ['generations', 'generations', { model: flux, input: {} }],
  ['pipelines?wait=10s', 'pipelines', { plan }],
  ['pipelines', 'pipelines', { plan }],
  ['batches?wait=10s', 'batches', { items }],
  ['batches', 'batches', { items }],
])('tells the key of what it has started, though Temporal is gone before it stands anywhere: %s', async (...row) => {
  const [order, noun, body] = row;
  vi.useFakeTimers({ toFake: ['Date', 'performance'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  let [attached, type]: [boolean, GenerationErrorType] = [false, 'TemporalUnreachable'];
  const away = () => {
    vi.advanceTimersByTime(20_000);
    return failing(type)();
  };
  const start = (_: unknown, { key }: { key: string }) =>
    Promise.resolve({ key, runId: 'r', attached, notices: [], state: away, result: away });
  async function* follow() {
    yield await away();
  }
  const url = await serve(anonymousAccess, {
    generations: { start, pipelines: { start }, batches: { start } },
    watchers: { generations: { follow } },
    reader: { read: away, note: () => undefined, refresh: () => undefined },
  });
  const started = await call(url, `/api/v1/${order}`, post(body));
  expect(started, started.text).toMatchObject({ status: 201, json: { key: expect.any(String), runId: 'r' } });
  expect(started.headers['location']).toBe(`${url}/api/v1/${noun}/${String(started.json['key'])}`);

  // What stands already may stand anywhere: that is not made up.
  attached = true;
  const again = await call(url, `/api/v1/${order}`, { ...post(body), headers: { 'idempotency-key': 'k-1' } });
  const problem = { name: 'TemporalUnreachable', key: 'k-1', detail: expect.stringContaining('Idempotency-Key: k-1') };
  expect(again, again.text).toMatchObject({ status: 503, json: problem });
  expect(again.headers).toMatchObject({ 'runcomfy-temporal-key': 'k-1', 'retry-after': '2' });
  type = 'Undecodable';
  const unread = await call(url, `/api/v1/${order}`, { ...post(body), headers: { 'idempotency-key': 'k-1' } });
  expect(unread, unread.text).toMatchObject({ status: 500, json: { ...problem, name: 'Internal' } });
});
