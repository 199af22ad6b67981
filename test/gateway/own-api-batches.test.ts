import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import type { z } from 'zod';
import {
  batch,
  batchCancelReply,
  batchLine,
  batchLines,
  batchList,
  batchResult,
} from '../../gateway/contract/batch.ts';
import { batchCounts } from '../../gateway/contract/many-counts.ts';
import { eventually, untilSeen } from '../support/eventually.ts';
import { type Caller, serveCallers } from '../support/gateway-keys.ts';
import { gatewayStack } from '../support/gateway-stack.ts';
import { flux } from '../support/simulator-client.ts';

const stack = gatewayStack();

const batches = '/api/v1/batches';
const secret = 'bytedance/seedance-2.5/image-to-video/720p';
const people = {
  acme: { tenant: 'acme-many', models: [flux] },
  reader: { tenant: 'acme-many', scopes: ['read'] },
  other: { tenant: 'umbrella-many' },
};
const defaults = { model: flux };
const itemsOf = (...ids: string[]) => ids.map((id) => ({ id, input: { prompt: id } }));
const jobs = () => stack.simulator().ledger().jobs.length;

/** All lines, page by page. */
async function linesOf(caller: Caller, target: string, query = ''): Promise<z.output<typeof batchLine>[]> {
  const lines: z.output<typeof batchLine>[] = [];
  let token: string | undefined = '';
  while (token !== undefined) {
    const page = await caller.get(`${target}?limit=2${query}${token && `&pageToken=${token}`}`);
    expect(page.status, page.text).toBe(200);
    const parsed: z.output<typeof batchLines> = batchLines.parse(page.json);
    lines.push(...parsed.lines);
    token = parsed.nextPageToken;
  }
  return lines;
}

it('orders each item once for its key, adds to them, and tells the end of each as its tenant knows it', async () => {
  const { acme, reader, other, url } = await serveCallers(stack, people);
  const key = randomUUID();
  const body = { key, items: itemsOf('a', 'b'), keepOpen: true, defaults, window: 5 };
  const before = jobs();
  const started = await acme.post(batches, body);
  expect(started.status, started.text).toBe(201);
  expect(started.headers['location']).toBe(`${url}${batches}/${key}`);
  expect(batch.strict().parse(started.json)).toMatchObject({ key, window: 5, input: { count: 2 } });
  const again = await acme.post(batches, body);
  expect(again).toMatchObject({ status: 200, headers: { 'idempotent-replayed': 'true' }, json: { key } });
  const changed = await acme.post(batches, { ...body, items: itemsOf('a') });
  expect(changed).toMatchObject({ status: 422, json: { name: 'KeyInUse' } });

  const target = `${batches}/${key}`;
  const more = { from: 2, items: [...itemsOf('c'), { id: 'd', input: { prompt: 'd' }, maxPriceUsd: 0.000_001 }] };
  for (const _ of ['added', 'recognised']) {
    expect(await acme.post(`${target}/add`, more)).toMatchObject({ status: 200, json: { count: 4 } });
  }
  const gap = await acme.post(`${target}/add`, { from: 9, items: itemsOf('z') });
  expect(gap).toMatchObject({ status: 422, json: { name: 'InvalidInput' } });
  expect(await reader.get(`${target}/result`)).toMatchObject({ status: 202, json: { key } });
  const listening = reader.get(`${target}/events`);
  const file = reader.get(`${target}/results.jsonl?follow=true`);
  expect(await acme.post(`${target}/seal`)).toMatchObject({ status: 200, json: { count: 4 } });

  const result = await reader.get(`${target}/result?wait=60s`);
  expect(result.status, result.text).toBe(200);
  expect(batchResult.strict().parse(result.json)).toMatchObject({ key, phase: 'partial', counts: { succeeded: 3 } });
  // A worker that is busy may leave a question unanswered: what the server alone tells then has another tag.
  const state = await untilSeen(async () => {
    const read = await reader.get(target);
    expect(read.status, read.text).toBe(200);
    expect(batch.strict().parse(read.json)).toMatchObject({ phase: 'partial', sealed: true });
    const known = { 'if-none-match': String(read.headers['etag']) };
    expect((await reader.get(`${target}?wait=30s`, known)).status).toBe(304);
    return read;
  });
  const events = await listening;
  expect(events.text).toMatch(/event: end\ndata: .*"phase":"partial".*\n\n$/);
  const lastId = /id: (\S+)\nevent: end/.exec(events.text)?.[1] ?? '';
  expect((await reader.get(`${target}/events`, { 'last-event-id': lastId })).status).toBe(204);

  expect((await file).status, (await file).text).toBe(200);
  const written = (await file).text.trim().split('\n');
  const lines = written.map((line) => batchLine.strict().parse(JSON.parse(line)));
  expect(lines.map(({ id }) => id).toSorted()).toEqual(['a', 'b', 'c', 'd']);
  expect(await linesOf(reader, `${target}/results`)).toEqual(lines);
  const failed = await linesOf(reader, `${target}/results`, '&status=failed');
  expect(failed).toMatchObject([{ id: 'd', key: `${key}/d`, error: { submission: 'not_sent' } }]);
  const succeeded = lines.filter(({ status }) => status === 'succeeded').map((line) => line.key);
  expect(succeeded.toSorted()).toEqual(['a', 'b', 'c'].map((id) => `${key}/${id}`));
  const [order = ''] = succeeded;
  const generation = await reader.get(`/api/v1/generations/${encodeURIComponent(order)}`);
  expect(generation).toMatchObject({ status: 200, json: { key: order, phase: 'succeeded' } });
  for (const { text } of [started, state, result, gap, changed, events, await file]) expect(text).not.toContain('acme');

  await eventually(async () => {
    const list = batchList.strict().parse((await reader.get(`${batches}?phase=partial&keyPrefix=${key}`)).json);
    expect(list.batches).toMatchObject([{ key, phase: 'partial', counts: { total: 4 } }]);
  });
  await eventually(async () => {
    const counts = batchCounts.strict().parse((await reader.get('/api/v1/batch-counts')).json);
    expect(counts).toMatchObject({ open: 0, byPhase: { succeeded: 0, partial: 1, failed: 0, cancelled: 0 } });
  });
  expect((await other.get(batches)).json).toEqual({ batches: [] });
  expect(jobs()).toBe(before + 3);
});

it('pauses, sets, resumes and cancels, and tells what became of the items', async () => {
  const { acme } = await serveCallers(stack, people);
  const key = randomUUID();
  const target = `${batches}/${key}`;
  const before = jobs();
  expect((await acme.post(batches, { key, defaults, maxCostUsd: 5 })).status).toBe(201);
  expect(await acme.post(`${target}/pause`)).toMatchObject({ status: 200 });
  const resumed = await acme.post(`${target}/resume`);
  expect(resumed, resumed.text).toMatchObject({ status: 200, json: { phase: 'running' } });
  expect(await acme.post(`${target}/pause`, { reason: 'lunch' })).toMatchObject({ status: 200 });
  await eventually(async () => {
    expect((await acme.get(target)).json).toMatchObject({ phase: 'paused', paused: { message: 'lunch' } });
  });
  expect((await acme.post(`${target}/add`, { from: 0, items: itemsOf('a', 'b') })).status).toBe(200);
  const set = await acme.post(`${target}/set`, { window: 3 });
  expect(set).toMatchObject({ status: 200, json: { window: 3, maxCostUsd: 5 } });
  const free = await acme.post(`${target}/set`, { noMaxCost: true });
  expect(free.json).toEqual({ window: 3 });
  const cancelled = await acme.post(`${target}/cancel`, { reason: 'a test' });
  expect(cancelled.status, cancelled.text).toBe(200);
  expect(batchCancelReply.strict().parse(cancelled.json)).toMatchObject({ outcome: { neverStarted: 2 } });
  const result = await acme.get(`${target}/result?wait=60s`);
  expect(result).toMatchObject({ status: 200, json: { phase: 'cancelled', counts: { notStarted: 2 } } });
  const late: [route: string, body: object | undefined, status: number][] = [
    ['cancel', {}, 200],
    ['resume', undefined, 409],
    ['pause', {}, 409],
    ['seal', undefined, 200],
    ['set', { window: 1 }, 409],
  ];
  for (const [route, body, status] of late) {
    expect((await acme.post(`${target}/${route}`, body)).status, route).toBe(status);
  }
  await eventually(async () => {
    const { json } = await acme.get('/api/v1/batch-counts');
    expect(json).toMatchObject({ open: 0, byPhase: { succeeded: 0, partial: 0, failed: 0, cancelled: 1 } });
  });
  expect(jobs()).toBe(before);
});

it("refuses by name what it does not carry out, and knows nothing of another tenant's", async () => {
  const { acme, reader, other } = await serveCallers(stack, people);
  const before = jobs();
  const key = randomUUID();
  const elsewhere = { version: 1, steps: { clip: { model: secret, input: {} } } };
  const rows: [body: object, status: number, name: string][] = [
    [{ items: [] }, 422, 'InvalidInput'],
    [{ items: itemsOf('a') }, 422, 'InvalidInput'],
    [{ items: itemsOf('a', 'a'), defaults }, 422, 'InvalidInput'],
    [{ items: [{ id: 'a', input: {} }], defaults }, 422, 'InvalidInput'],
    [{ items: [{ id: 'a\n', input: { prompt: 'x' } }], defaults }, 422, 'InvalidInput'],
    [{ items: itemsOf('a'), defaults, window: 501 }, 422, 'InvalidInput'],
    [{ items: itemsOf('a'), defaults, nonsense: 1 }, 422, 'InvalidInput'],
    [{ items: [{ id: 'a', model: 'nobody/makes/this', input: {} }] }, 403, 'NotAllowed'],
    [{ items: itemsOf('a'), plan: { version: 1 } }, 422, 'InvalidInput'],
    [{ items: itemsOf('a'), defaults, key: 'a/late' }, 422, 'InvalidInput'],
    [{ items: itemsOf('a/late'), defaults }, 422, 'InvalidInput'],
    [{ items: itemsOf('a'), defaults: { model: secret } }, 403, 'NotAllowed'],
    [{ items: [...itemsOf('a'), { id: 'b', model: secret }], defaults }, 403, 'NotAllowed'],
    [{ items: [{ id: 'a' }], plan: elsewhere }, 403, 'NotAllowed'],
  ];
  for (const [body, status, name] of rows) {
    const { json, text } = await acme.post(batches, { key, ...body });
    expect([json['status'], json['name']], text).toEqual([status, name]);
    expect(text).not.toContain('acme-many');
  }
  expect(await reader.post(batches, { key, items: itemsOf('a'), defaults })).toMatchObject({ status: 403 });

  expect((await acme.post(batches, { key, defaults })).status).toBe(201);
  const added: [body: object, status: number, name: string][] = [
    [{ from: 0, items: [{ id: 'a', model: secret, input: {} }] }, 403, 'NotAllowed'],
    [{ from: 0, items: [{ id: 'a', input: {} }] }, 422, 'InvalidInput'],
    [{ from: 0, items: [] }, 422, 'InvalidInput'],
    [{ from: 0, count: 1, page: 0 }, 422, 'InvalidInput'],
    [{ from: -1, items: itemsOf('a') }, 422, 'InvalidInput'],
  ];
  for (const [body, status, name] of added) {
    const { json, text } = await acme.post(`${batches}/${key}/add`, body);
    expect([json['status'], json['name']], text).toEqual([status, name]);
  }
  for (const body of [{}, { maxCostUsd: 1, noMaxCost: true }, { window: 0 }, { maxCostUsd: null }]) {
    expect(await acme.post(`${batches}/${key}/set`, body)).toMatchObject({ status: 422 });
  }
  expect(await acme.get(`${batches}/${key}/results?pageToken=abc`)).toMatchObject({ status: 400 });

  const guesses = [key, `${acme.tenant}/${key}`, `../${acme.tenant}/${key}`, randomUUID()].map(encodeURIComponent);
  const routes: [route: string, body?: object][] = [
    ...['', '/result', '/results', '/results.jsonl', '/events'].map((route): [string] => [route]),
    ...(['/seal', '/pause', '/resume', '/cancel'].map((route) => [route, {}]) as [string, object][]),
    ...([
      ['/set', { window: 1 }],
      ['/add', { from: 0, items: itemsOf('a') }],
    ] as [string, object][]),
  ];
  for (const [route, body] of routes) {
    const told = await Promise.all(
      guesses.map(async (guess) => {
        const target = `${batches}/${guess}${route}`;
        const { status, json } = await (body ? other.post(target, body) : other.get(target));
        return { status, name: json['name'], detail: json['detail'] };
      }),
    );
    expect(new Set(told.map((answer) => JSON.stringify(answer))).size, route).toBe(1);
    expect(told[0], route).toMatchObject({ status: 404, name: 'KeyNotFound' });
    if (body) expect((await reader.post(`${batches}/${key}${route}`, body)).status, route).toBe(403);
  }
  expect((await other.get(`/api/v1/generations/${key}`)).status).toBe(404);
  expect(await acme.post(`${batches}/${key}/cancel`)).toMatchObject({ status: 200 });
  expect(jobs()).toBe(before);
});
