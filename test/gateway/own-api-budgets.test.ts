import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { budget, budgetList, reservationList } from '../../gateway/contract/budget.ts';
import { budgetCounts } from '../../gateway/contract/many-counts.ts';
import { refusalsOf } from '../support/budgets.ts';
import { eventually } from '../support/eventually.ts';
import { serveCallers } from '../support/gateway-keys.ts';
import { gatewayStack } from '../support/gateway-stack.ts';
import { kling, klingInput } from '../support/simulator-client.ts';

const stack = gatewayStack();

const budgets = '/api/v1/budgets';
const people = {
  acme: { tenant: 'acme-money' },
  reader: { tenant: 'acme-money', scopes: ['generate'] },
  other: { tenant: 'umbrella-money' },
};

it('creates, sets, corrects and closes a budget, and tells of it as its tenant knows it', async () => {
  const { acme, url } = await serveCallers(stack, people);
  const made = await acme.post(budgets, { name: 'spring', limitUsd: 10 });
  expect(made.status, made.text).toBe(201);
  expect(made.headers['location']).toBe(`${url}${budgets}/spring`);
  expect(budget.strict().parse(made.json)).toMatchObject({ name: 'spring', limitUsd: 10, availableUsd: 10 });
  const again = await acme.post(budgets, { name: 'spring', limitUsd: 10, period: 'total' });
  expect(again).toMatchObject({ status: 200, headers: { 'idempotent-replayed': 'true' } });
  const differs = await acme.post(budgets, { name: 'spring', limitUsd: 11 });
  expect(differs).toMatchObject({ status: 422, json: { name: 'KeyInUse' } });
  expect(differs.json['detail']).toContain('budget "spring" exists');
  const lowered = await acme.post(`${budgets}/spring/set`, { limitUsd: 1 });
  expect(lowered).toMatchObject({ status: 200, json: { name: 'spring', limitUsd: 1 } });

  const key = randomUUID();
  const order = { key, model: kling, input: { ...klingInput, duration: 10 }, budgets: ['spring'] };
  expect((await acme.post('/api/v1/generations?wait=60', order)).status).toBe(201);
  const result = await acme.get(`/api/v1/generations/${key}/result`);
  expect(result).toMatchObject({ status: 409, json: { name: 'BudgetExceeded', key } });
  const misspelt = { ...order, key: randomUUID(), budgets: ['sprnig'] };
  expect((await acme.post('/api/v1/generations?wait=60', misspelt)).status).toBe(201);
  const unknown = await acme.get(`/api/v1/generations/${misspelt.key}/result`);
  expect(unknown).toMatchObject({ status: 409, json: { name: 'InvalidInput' } });
  expect(unknown.text).toContain('sprnig');
  const asRunComfy = await acme.get(`/v1/requests/${misspelt.key}/result`);
  expect(asRunComfy.json['error']).toContain('there is no budget "sprnig"');
  const read = await acme.get(`/api/v1/generations/${misspelt.key}`);

  await acme.post(`${budgets}/spring/set`, { limitUsd: 100 });
  const handle = stack.client().workflow.getHandle(`runcomfy-budget:${acme.tenant}.spring`);
  const requests = ['a', 'b'].map((name) => ({ key: `${acme.tenant}/${name}`, priceUsd: 2 }));
  const elsewhere = { key: `elsewhere-${key}`, priceUsd: 3 };
  await handle.executeUpdate('reserve', { args: [{ requests: [...requests, elsewhere] }] });
  const page = await acme.get(`${budgets}/spring/reservations?limit=1`);
  const { nextPageToken = '', reservations } = reservationList.strict().parse(page.json);
  expect(reservations).toMatchObject([{ key: 'a', priceUsd: 2 }]);
  const rest = await acme.get(`${budgets}/spring/reservations?limit=1&pageToken=${encodeURIComponent(nextPageToken)}`);
  expect(reservationList.strict().parse(rest.json)).toEqual({
    reservations: [expect.objectContaining({ key: 'b' })],
  });

  const state = await acme.get(`${budgets}/spring`);
  const refused = await refusalsOf(stack.client(), `${acme.tenant}.spring`);
  expect(refused).toBeGreaterThan(0);
  expect(budget.strict().parse(state.json)).toMatchObject({ open: 3, reservedUsd: 7, refused });
  const known = { 'if-none-match': String(state.headers['etag']) };
  expect((await acme.get(`${budgets}/spring`, known)).status).toBe(304);
  const listening = acme.get(`${budgets}/spring/events`);
  const waiting = acme.get(`${budgets}/spring`, { ...known, prefer: 'wait=60' });
  const release = (name: string) => acme.post(`${budgets}/spring/release`, { key: name, reason: 'a test' });
  for (const name of ['a', 'b']) expect((await release(name)).status).toBe(200);
  expect((await acme.get(`${budgets}/spring`, known)).json).toMatchObject({ open: 1, reservedUsd: 3 });
  const waited = await waiting;
  expect(waited).toMatchObject({ status: 200, headers: { 'preference-applied': 'wait=60' } });
  expect(budget.strict().parse(waited.json)).toMatchObject({ name: 'spring' });
  expect(await release(elsewhere.key)).toMatchObject({ status: 404, json: { name: 'KeyNotFound' } });
  const busy = await acme.post(`${budgets}/spring/close`);
  expect(busy).toMatchObject({ status: 409, json: { name: 'StillRunning' } });
  await handle.signal('settle', { settlements: [{ key: elsewhere.key, outcome: 'cancelled' }] });
  const closed = await acme.post(`${budgets}/spring/close`);
  expect(closed).toMatchObject({ status: 200, json: { name: 'spring', isClosed: true } });
  expect((await acme.post(`${budgets}/spring/set`, { limitUsd: 1 })).status).toBe(404);
  const events = await listening;
  const [, end = ''] = /event: end\ndata: (.*)\n\n$/.exec(events.text) ?? [];
  expect(budget.strict().parse(JSON.parse(end))).toMatchObject({ name: 'spring', open: 0, isClosed: true });
  const [, lastId = ''] = /id: (\S+)\nevent: end/.exec(events.text) ?? [];
  expect((await acme.get(`${budgets}/spring/events`, { 'last-event-id': lastId })).status).toBe(204);
  for (const { text } of [
    made,
    again,
    differs,
    lowered,
    result,
    unknown,
    asRunComfy,
    read,
    page,
    rest,
    state,
    waited,
    events,
    busy,
    closed,
  ]) {
    expect(text).not.toContain('acme');
  }
});

it("refuses what is no budget, who may not, and what is another's, in the same words", async () => {
  const { acme, reader, other } = await serveCallers(stack, people);
  for (const body of [
    {},
    { name: 'x' },
    { name: 'a/b', limitUsd: 1 },
    { name: 'x', limitUsd: -1 },
    { name: 'x', limitUsd: 0.000_000_1 },
    { name: 'x', limitUsd: 1, period: 'week' },
    { name: 'x', limitUsd: 1, more: 1 },
    { name: 'x'.repeat(100), limitUsd: 1 },
  ]) {
    const { status, json, text } = await acme.post(budgets, body);
    expect([status, json['name']], text).toEqual([422, 'InvalidInput']);
    expect(json['issues']).not.toEqual([]);
  }
  const name = 'summer';
  for (const caller of [acme, other]) {
    expect((await caller.post(budgets, { name: caller === acme ? name : 'own', limitUsd: 5 })).status).toBe(201);
  }
  const changes: [route: string, body?: object][] = [
    ['set', { limitUsd: 9 }],
    ['release', { key: 'a', reason: 'b' }],
    ['close'],
  ];
  for (const [route, body] of changes) {
    const refused = await reader.post(`${budgets}/${name}/${route}`, body);
    expect(refused, route).toMatchObject({ status: 403, json: { name: 'NotAllowed' } });
  }
  expect((await reader.post(budgets, { name: 'x', limitUsd: 1 })).status).toBe(403);

  const isRead = (route: string) => ['', '/reservations', '/events'].includes(route);
  const guesses = [name, `${acme.tenant}.${name}`, `../${acme.tenant}.${name}`, randomUUID(), 'a b', '%00'];
  const routes: [route: string, body: object | undefined][] = [
    ...['', '/reservations', '/events'].map((route): [string, undefined] => [route, undefined]),
    ...changes.map(([route, body]): [string, object | undefined] => [`/${route}`, body]),
  ];
  for (const [route, body] of routes) {
    const told = await Promise.all(
      guesses.map(async (guess) => {
        const target = `${budgets}/${encodeURIComponent(guess)}${route}`;
        const { status, json } = await (isRead(route) ? other.get(target) : other.post(target, body));
        return { status, name: json['name'], detail: json['detail'] };
      }),
    );
    expect(new Set(told.map((answer) => JSON.stringify(answer))).size, route).toBe(1);
    expect(told[0], route).toMatchObject({ status: 404, name: 'KeyNotFound' });
  }
  for (const [caller, own] of [
    [acme, name],
    [reader, name],
    [other, 'own'],
  ] as const) {
    await eventually(async () => {
      const list = budgetList.parse((await caller.get(budgets)).json);
      expect(list.budgets.map((one) => one.name)).toEqual([own]);
    });
  }
  await eventually(async () => {
    for (const caller of [acme, other]) {
      const counts = budgetCounts.strict().parse((await caller.get('/api/v1/budget-counts')).json);
      expect(counts).toMatchObject({ open: 1 });
    }
  });
  expect((await acme.post(budgets, { name: 'winter', limitUsd: 5 })).status).toBe(201);
  await eventually(async () => {
    const first = budgetList.strict().parse((await acme.get(`${budgets}?limit=1`)).json);
    const token = encodeURIComponent(first.nextPageToken ?? '');
    const second = budgetList.strict().parse((await acme.get(`${budgets}?limit=1&pageToken=${token}`)).json);
    const names = [first, second].map((page) => page.budgets.map((one) => one.name));
    expect(names.toSorted()).toEqual([[name], ['winter']]);
    const foreign = await other.get(`${budgets}?limit=1&pageToken=${token}`);
    expect(foreign).toMatchObject({ status: 400, json: { name: 'MalformedRequest' } });
  });
  for (const [caller, own] of [
    [acme, name],
    [acme, 'winter'],
    [other, 'own'],
  ] as const) {
    const intact = await caller.post(`${budgets}/${own}/close`);
    expect(intact).toMatchObject({ status: 200, json: { limitUsd: 5, open: 0 } });
  }
});

it('says of ten that create one budget at once that one of them made it', async () => {
  const { acme } = await serveCallers(stack, people);
  const calls = Array.from({ length: 10 }, () => acme.post(budgets, { name: 'at-once', limitUsd: 3 }));
  const answers = await Promise.all(calls);
  expect(answers.map(({ status }) => status).sort()).toEqual([...Array<number>(9).fill(200), 201]);
  for (const { status, headers, json } of answers) {
    expect([headers['idempotent-replayed'], 'location' in headers]).toEqual(
      status === 201 ? [undefined, true] : ['true', false],
    );
    expect(budget.strict().parse(json)).toMatchObject({ name: 'at-once' });
  }
});
