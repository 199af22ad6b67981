import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { createApiKey, digestOf } from '../../gateway/access/api-key.ts';
import { generationCounts } from '../../gateway/contract/generation-counts.ts';
import { root } from '../support/docs.ts';
import { eventually } from '../support/eventually.ts';
import { type Caller, serveCallers } from '../support/gateway-keys.ts';
import { call, gatewayStack } from '../support/gateway-stack.ts';
import { freePort, temporaryFolder } from '../support/processes.ts';
import { flux } from '../support/simulator-client.ts';

const stack = gatewayStack();

it("shows a tenant its own alone: what is another's is not there, in the same words, and in no list", async () => {
  // Other files order in the same namespace: no tenant of theirs may be one of these.
  const name = randomUUID().slice(0, 8);
  const [acme, other] = ['acme', 'umbrella'].map((word) => ({ tenant: `${word}-${name}`, ...createApiKey() }));
  if (!acme || !other) throw new Error('There are two tenants.');
  const record = ({ id, key: secret, tenant }: { id: string; key: string; tenant: string }) => ({
    id,
    tenant,
    sha256: digestOf(secret),
    name: 'a test',
    scopes: ['admin'],
    createdAt: new Date().toISOString(),
  });
  const file = path.join(await temporaryFolder(), 'keys.json');
  await writeFile(file, JSON.stringify({ keys: [record(acme), record(other)] }), { mode: 0o600 });
  const { url } = await stack.serve({ RUNCOMFY_GATEWAY_KEYS_FILE: file });
  const as = ({ key }: { key: string }) => ({ authorization: `Bearer ${key}` });
  const generations = '/api/v1/generations';
  const key = randomUUID();
  const body = { key, model: flux, input: { prompt: key } };
  const made = await call(url, `${generations}?wait=60`, { method: 'POST', headers: as(acme), body });
  expect(made).toMatchObject({ status: 201, json: { key, phase: 'succeeded' } });

  const guesses = [key, `${acme.tenant}/${key}`, `../${acme.tenant}/${key}`, randomUUID()].map(encodeURIComponent);
  const calls = ['', '/result', '/events', '/cancel', '/nudge', '/late', '/resolution'];
  for (const operation of calls) {
    const method = ['', '/result', '/events'].includes(operation) ? 'GET' : 'POST';
    const wish = operation === '/resolution' ? { action: 'abandon' } : operation === '/cancel' ? {} : undefined;
    const told = await Promise.all(
      guesses.map(async (guess) => {
        const made = { method, headers: as(other), ...(wish && { body: wish }) };
        const { status, json } = await call(url, `${generations}/${guess}${operation}`, made);
        return { status, name: json['name'], detail: json['detail'] };
      }),
    );
    expect(new Set(told.map((answer) => JSON.stringify(answer))).size, operation).toBe(1);
    expect(told[0], operation).toMatchObject({ status: 404, name: 'KeyNotFound' });
  }

  const list = (caller: typeof acme, query = '') => call(url, `${generations}${query}`, { headers: as(caller) });
  await eventually(async () => {
    expect((await list(acme)).json).toMatchObject({ generations: [{ key, model: flux, phase: 'succeeded' }] });
  });
  expect((await list(other)).json).toEqual({ generations: [] });
  const counts = async (caller: typeof acme) =>
    generationCounts.strict().parse((await call(url, '/api/v1/generation-counts', { headers: as(caller) })).json);
  await eventually(async () => {
    expect(await counts(acme)).toMatchObject({ byPhase: { succeeded: 1, failed: 0, in_queue: 0 }, open: 0 });
  });
  expect(await counts(other)).toMatchObject({ byPhase: { succeeded: 0 }, open: 0 });
  expect((await list(acme, '?phase=failed')).json).toEqual({ generations: [] });
  expect(
    (await list(acme, `?phase=failed&phase=succeeded&keyPrefix=${key.slice(0, 8)}`)).json['generations'],
  ).toHaveLength(1);

  const second = randomUUID();
  const again = { method: 'POST', headers: as(acme), body: { ...body, key: second, input: { prompt: second } } };
  expect((await call(url, generations, again)).status).toBe(201);
  // What ends between two pages moves from one to the other.
  await eventually(async () => {
    expect((await list(acme, '?phase=succeeded')).json['generations']).toHaveLength(2);
  });
  const page = await list(acme, '?limit=1');
  const token = encodeURIComponent(String(page.json['nextPageToken']));
  const rest = await list(acme, `?limit=1&pageToken=${token}`);
  const keysOf = ({ json }: typeof page) => (json['generations'] as { key: string }[]).map((row) => row.key);
  expect([...keysOf(page), ...keysOf(rest)].toSorted()).toEqual([key, second].toSorted());
  for (const foreign of [
    await list(other, `?limit=1&pageToken=${token}`),
    await list(acme, `?phase=failed&pageToken=${token}`),
  ]) {
    expect(foreign).toMatchObject({ status: 400, json: { name: 'MalformedRequest' } });
  }

  const patternLike = `$& $' ${randomUUID()}`;
  const order = (prompt: string) => ({
    method: 'POST',
    headers: as(acme),
    body: { ...body, key: patternLike, input: { prompt } },
  });
  expect((await call(url, generations, order('one'))).status).toBe(201);
  const refused = await call(url, generations, order('another'));
  expect(refused).toMatchObject({
    status: 422,
    json: { name: 'KeyInUse', detail: expect.stringContaining(patternLike) },
  });
  expect(refused.text).not.toContain('acme');
});

interface Told {
  operationId: string;
  security?: unknown[];
}

const { paths } = JSON.parse(readFileSync(path.join(root, 'docs/openapi.json'), 'utf8')) as {
  paths: Record<string, Record<string, Told>>;
};
const operations = Object.entries(paths).flatMap(([place, methods]) =>
  Object.entries(methods).map(([method, { operationId }]) => ({ id: operationId, place, method })),
);

/** What operations need of a body; whoever adds one that needs more adds it here. */
const bodies: Record<string, object> = {
  resolveSubmission: { action: 'abandon' },
  previewPipeline: { plan: { version: 1, steps: { still: { model: flux, input: { prompt: 'x' } } } } },
  decideStep: { step: 'still', decision: 'approve' },
  addItems: { from: 0, items: [{ id: 'x', input: { prompt: 'x' } }] },
  setBatch: { window: 2 },
  setBudget: { limitUsd: 5 },
  releaseReservation: { key: 'x', reason: 'x' },
};
/** What stands in no tenant's way: it tells what would be ordered under a key that is still free. */
const forAnyKey = ['previewPipeline'];

/** What belongs to a tenant, each under the same key. */
async function ownAll({ post }: Caller, key: string): Promise<void> {
  const input = { prompt: key };
  const plan = { version: 1, steps: { still: { model: flux, input } } };
  const made = [
    await post('/api/v1/generations?wait=60', { key, model: flux, input }),
    await post('/api/v1/pipelines?wait=60', { key: `${key}-plan`, plan }),
    await post('/api/v1/batches', { key: `${key}-many`, defaults: { model: flux }, items: [{ id: 'a', input }] }),
    await post('/api/v1/budgets', { name: key, limitUsd: 5 }),
  ];
  expect(made.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
}

it("has no operation that tells a tenant anything of another's: neither by words nor by what it asks of Temporal", async () => {
  const port = await freePort();
  const { owner, stranger } = await serveCallers(
    stack,
    { owner: { tenant: 'owner' }, stranger: { tenant: 'stranger' } },
    { RUNCOMFY_METRICS_ADDRESS: `127.0.0.1:${String(port)}` },
  );
  const key = `k-${randomUUID()}`;
  await ownAll(owner, key);
  const suffixes: Record<string, string> = { pipelines: '-plan', batches: '-many' };
  const askedOfTemporal = async () => {
    const { text } = await call(`http://127.0.0.1:${String(port)}`, '/metrics');
    const calls = text.split('\n').filter((line) => line.startsWith('runcomfy_gateway_temporal_calls_total'));
    return new Map(calls.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
  };
  const about = operations.filter(({ id, place }) => /\{(?:key|name)\}/.test(place) && !forAnyKey.includes(id));
  expect(about.length).toBeGreaterThan(25);

  /** What every operation answers about this key, and what that takes. */
  const answersAbout = async (caller: Caller, named: string) => {
    const before = await askedOfTemporal();
    const answers = [];
    for (const { id, place, method } of about) {
      const suffix = suffixes[place.split('/')[3] ?? ''] ?? '';
      const target = place
        .replace(/\{(?:key|name)\}/, encodeURIComponent(named + suffix))
        .replace('{event}', 'generation.succeeded');
      const { status, json } =
        method === 'get' ? await caller.get(target) : await caller.post(target, bodies[id] ?? {});
      const { title, detail, name } = json;
      answers.push({ id, status, title, detail, name });
    }
    const after = await askedOfTemporal();
    return { answers, asked: new Map([...after].map(([what, count]) => [what, count - (before.get(what) ?? 0)])) };
  };
  const never = await answersAbout(stranger, `k-${randomUUID()}`);
  expect(never.answers).toMatchObject(about.map(({ id }) => ({ id, status: 404, name: 'KeyNotFound' })));
  for (const guess of [key, `${owner.tenant}/${key}`, `../${owner.tenant}/${key}`, `${owner.tenant}.${key}`]) {
    expect((await answersAbout(stranger, guess)).answers, guess).toEqual(never.answers);
  }
  // A server that stalls for a second is asked more; what gave a key away would be asked more each time.
  await eventually(async () => {
    const [foreign, made] = [await answersAbout(stranger, key), await answersAbout(stranger, `k-${randomUUID()}`)];
    expect(foreign.asked).toEqual(made.asked);
  });

  for (const { id, place } of operations.filter(({ place, method }) => method === 'get' && !place.includes('{'))) {
    const { status, text } = await stranger.get(place);
    expect([status, text.includes(key)], id).toEqual([200, false]);
  }
  // There all the same: a generation without webhooks, a budget without reservations.
  const nothingThere = ['replayWebhook', 'releaseReservation'];
  const { answers } = await answersAbout(owner, key);
  expect(answers.filter(({ name }) => name === 'KeyNotFound').map(({ id }) => id)).toEqual(nothingThere);
});

it('keeps whoever acts for all tenants from keys that are a tenant but for its case', async () => {
  const { all, one } = await serveCallers(stack, { all: { tenant: '*' }, one: { tenant: 'case' } });
  const key = `${one.tenant.toUpperCase()}/${randomUUID()}`;
  const input = { prompt: 'never made' };
  const plan = { version: 1, steps: { still: { model: flux, input } } };
  const items = [{ id: 'a', input }];
  for (const [target, body] of [
    ['/api/v1/generations', { key, model: flux, input }],
    ['/api/v1/pipelines', { key, plan }],
    ['/api/v1/pipelines', { key: randomUUID(), lineage: key, plan }],
    ['/api/v1/batches', { key, defaults: { model: flux }, items }],
  ] as const) {
    const refused = await all.post(target, body);
    expect(refused, target).toMatchObject({ status: 422, json: { name: 'InvalidInput', issues: [{ path: 'key' }] } });
  }
  const budget = { name: `${one.tenant.toUpperCase()}.spring`, limitUsd: 1 };
  expect(await all.post('/api/v1/budgets', budget)).toMatchObject({
    status: 422,
    json: { issues: [{ path: 'name' }] },
  });
  // Whose a key is is told to whoever acts for all, and to nobody else.
  const { tenant } = one;
  const name = randomUUID();
  const [own, exact] = [name, `${tenant}/${name}`];
  const order = { model: flux, input: { prompt: 'made' } };
  expect(await all.post('/api/v1/generations', { key: exact, ...order })).toMatchObject({
    status: 201,
    json: { key: exact, tenant },
  });
  const made = await one.post('/api/v1/pipelines?wait=60s', { key: `${own}-plan`, plan });
  const many = await one.post('/api/v1/batches', { key: `${own}-many`, defaults: { model: flux }, items });
  expect([made.status, many.status]).toEqual([201, 201]);
  for (const [kind, suffix] of [
    ['generations', ''],
    ['pipelines', '-plan'],
    ['batches', '-many'],
  ] as const) {
    const key = exact + suffix;
    const seen = await all.get(`/api/v1/${kind}/${encodeURIComponent(key)}`);
    expect(seen, kind).toMatchObject({ status: 200, json: { key, tenant } });
    const theirs = await one.get(`/api/v1/${kind}/${own}${suffix}`);
    expect([theirs.status, theirs.json['key'], theirs.text.includes(tenant)], kind).toEqual([200, own + suffix, false]);
    await eventually(async () => {
      const { json } = await all.get(`/api/v1/${kind}?keyPrefix=${encodeURIComponent(key)}`);
      expect(json[kind], kind).toContainEqual(expect.objectContaining({ key, tenant }));
    });
  }
});

it('attaches to what was taken before, though it would be refused by now, and makes nothing anew', async () => {
  const { all, one } = await serveCallers(stack, { all: { tenant: '*' }, one: { tenant: 'later' } });
  const key = (kind: string) => `${one.tenant.toUpperCase()}/${kind}-${randomUUID()}`;
  const input = { prompt: 'made before' };
  const plan = { version: 1, steps: { still: { model: flux, input } } };
  const [single, film, many] = [
    { key: key('single'), model: flux, input },
    { key: key('film'), plan },
    { key: key('many'), defaults: { model: flux }, items: [{ id: 'a', input }], keepOpen: true },
  ];
  // The gateway that all tests share knows of no tenant yet.
  const before = (kind: string, body: object) =>
    call(stack.url(), `/api/v1/${kind}${kind === 'batches' ? '' : '?wait=60s'}`, { method: 'POST', body });
  const [first, second, third] = [
    await before('generations', single),
    await before('pipelines', film),
    await before('batches', many),
  ];
  expect([first.status, second.status, third.status]).toEqual([201, 201, 201]);
  // A batch that was ended from outside is run again, but not by who may not order it.
  await stack.client().workflow.getHandle(many.key).terminate();
  for (const [kind, body, { json }] of [
    ['generations', { ...single, retry: 'if-unbilled' }, first],
    ['pipelines', { ...film, rerun: true }, second],
    ['batches', many, third],
  ] as const) {
    const again = await all.post(`/api/v1/${kind}`, body);
    expect(again, again.text).toMatchObject({ status: 200, headers: { 'idempotent-replayed': 'true' } });
    expect(again.json['runId'], kind).toBe(json['runId']);
    expect(again.headers['runcomfy-temporal-notice']).toContain('by now it would be refused: key: ');
  }
  const other = await all.post('/api/v1/pipelines', { ...film, plan: { ...plan, params: {} }, rerun: true });
  expect(other).toMatchObject({ status: 422, json: { name: 'InvalidInput', issues: [{ path: 'key' }] } });
});
