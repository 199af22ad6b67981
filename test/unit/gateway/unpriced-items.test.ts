import { expect, it } from 'vitest';
import { GenerationError } from '../../../client/index.ts';
import { anonymousAccess } from '../../../gateway/access/access.ts';
import { serve } from '../../support/gateway-in-process.ts';
import { call } from '../../support/gateway-stack.ts';
import { flux } from '../../support/simulator-client.ts';

const tokens = 'some/text-to-speech';
const priced = { id: 'a', model: flux, input: {} };
const unpriced = { id: 'b', model: tokens, input: {} };
const refused = {
  status: 422,
  json: {
    name: 'PriceUnknown',
    detail: 'the batch has a limit, and items have no price that is known: nothing was sent',
    issues: [{ path: 'body.items.1', message: `no price of ${tokens} is known for this input: give maxPriceUsd` }],
  },
};

const catalogue = {
  check: () => Promise.resolve({ issues: [], warnings: [] }),
  price: (model: string) =>
    Promise.resolve(model === tokens ? { basis: 'unknown' } : { usd: 0.01, basis: 'per output' }),
  entry: (model: string) => Promise.resolve({ model, categories: [] }),
};

/** Starts a new batch of these. */
async function start(batch: object, more: object = {}) {
  let started = 0;
  const startBatch = (_: object, { key, attachOnly }: { key: string; attachOnly?: true }) => {
    if (attachOnly) return Promise.reject(new GenerationError({ type: 'KeyNotFound', message: 'none', key }));
    started += 1;
    const state = () => Promise.resolve({ phase: 'running', runId: 'r' });
    return Promise.resolve({ key, runId: 'r', attached: false, notices: [], state });
  };
  const batches = { start: startBatch };
  const url = await serve(anonymousAccess, { catalogue: { ...catalogue, ...more }, generations: { batches } });
  const body = { key: 'k', items: [priced, unpriced], ...batch };
  return { answer: await call(url, '/api/v1/batches', { method: 'POST', body }), started: () => started };
}

it.each([{ maxCostUsd: 5 }, { budgets: ['spring'] }])(
  'a batch under %j is not started with an item whose price nobody knows',
  async (limit) => {
    const { answer, started } = await start(limit);
    expect(answer, answer.text).toMatchObject(refused);
    expect(started()).toBe(0);
  },
);

const away = () => Promise.reject(new Error('away'));

it.each<[string, object, object?]>([
  ['has no limit', {}],
  ['says what they cost at most', { maxCostUsd: 5, items: [priced, { ...unpriced, maxPriceUsd: 1 }] }],
  ['says that of all', { maxCostUsd: 5, defaults: { maxPriceUsd: 1 } }],
  ['comes while the catalogue gives no answer', { maxCostUsd: 5 }, { price: away }],
  ['comes while the catalogue tells nothing of the model', { maxCostUsd: 5 }, { entry: () => Promise.resolve() }],
])('a batch that %s is started with items of unknown price', async (_, batch, more) => {
  const { answer, started } = await start(batch, more);
  expect(answer, answer.text).toMatchObject({ status: 201 });
  expect(started()).toBe(1);
});

it('a catalogue that hangs holds up no batch', { timeout: 15_000 }, async () => {
  const { answer } = await start({ maxCostUsd: 5 }, { price: () => new Promise(() => undefined) });
  expect(answer, answer.text).toMatchObject({ status: 201 });
});

/** Adds these to a batch with this limit. */
async function add(limit: { budgets?: string[]; maxCostUsd?: number }, from = 0) {
  const added: object[] = [];
  const { budgets, ...money } = limit;
  const handle = {
    key: 'k',
    plan: () => Promise.resolve(undefined),
    defaults: () => Promise.resolve(undefined),
    budgets: () => Promise.resolve(budgets),
    state: () => Promise.resolve({ phase: 'running', counts: { total: from === 0 ? 0 : 2 }, money }),
    add: (message: object) => {
      added.push(message);
      return Promise.resolve({ count: 2 });
    },
  };
  const url = await serve(anonymousAccess, {
    catalogue,
    generations: { batches: { get: () => Promise.resolve(handle) } },
  });
  const body = { from: 0, items: [priced, unpriced] };
  return { answer: await call(url, '/api/v1/batches/k/add', { method: 'POST', body }), added };
}

it.each([{ maxCostUsd: 5 }, { budgets: ['spring'] }])(
  'nor is one added to a batch under %j, unless it is there already',
  async (limit) => {
    const { answer, added } = await add(limit);
    expect(answer, answer.text).toMatchObject(refused);
    expect(added).toEqual([]);
    const again = await add(limit, 2);
    expect(again.answer, again.answer.text).toMatchObject({ status: 200, json: { count: 2 } });
  },
);

it('one is added where there is no limit', async () => {
  const { answer, added } = await add({});
  expect(answer, answer.text).toMatchObject({ status: 200 });
  expect(added).toHaveLength(1);
});
