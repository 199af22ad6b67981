import { expect, it, onTestFinished, vi } from 'vitest';
import { z } from 'zod';
import { GenerationError, type GenerationErrorType } from '../../../client/index.ts';
import { generationList } from '../../../gateway/contract/generation-list.ts';
import { answerTool } from '../../../gateway/mcp/tool.ts';
import { agent } from '../../support/agent-in-process.ts';
import { flux } from '../../support/simulator-client.ts';

it.each(['find_models', 'describe_model'])('%s says that the catalogue cannot be asked now', async (name) => {
  const { lines, use } = agent();
  const answer = await use(name, { limit: 1, model: 'a/b', input: {} });
  expect(answer).toMatchObject({ isError: true, text: expect.stringMatching(/^CatalogueUnavailable: /) });
  expect(lines).toEqual([]);
});

it.each(['find_models', 'describe_model'])(
  '%s tells what the catalogue said last, and how long ago, while it cannot be asked',
  async (name) => {
    const entry = { model_id: 'a/b' };
    const said = JSON.stringify({ ...entry, models: [entry] });
    const ask = vi.fn(() => Promise.resolve(said));
    const { use } = agent({ catalogue: { models: ask, model: ask } });
    const args = { limit: 1, model: 'a/b' };
    vi.useFakeTimers({ toFake: ['Date', 'performance'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    const first = await use(name, args);
    expect(await use(name, args)).toEqual(first);
    expect(ask).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(30_000);
    ask.mockRejectedValue(new Error('away'));
    const old = await use(name, args);
    expect(old.data).toEqual({ ...first.data, age_seconds: 30 });
    expect(old.text).toMatch(/^RunComfy's catalogue cannot be asked now: this is what it said 30 s ago\.\n\{/);
    expect(ask).toHaveBeenCalledTimes(2);
  },
);

const checked = { check: () => Promise.resolve({ issues: [], warnings: [] }) };

it('an order is checked as far as the catalogue can be had, and priced as a whole', async () => {
  const clip = { model: 'a/b', input: { duration: 10 } };
  const away = { ...checked, price: () => Promise.reject(new Error('away')) };
  const unpriced = { valid: true, issues: [], warnings: [], price: { basis: 'unknown' } };
  expect((await agent({ catalogue: away }).use('check_order', clip)).data).toEqual(unpriced);
  const price = (model: string, { duration }: { duration: number }) =>
    Promise.resolve({ usd: duration * 0.1, basis: 'per second', note: model });
  const { data } = await agent({ catalogue: { ...checked, price } }).use('check_order', clip);
  expect(data).toMatchObject({ price: { usd: 1, basis: 'per second', note: 'a/b' } });
  const never = await agent({ catalogue: checked }).use('check_order', { ...clip, model: 'a/../b' });
  expect(never).toMatchObject({ isError: true, text: expect.stringMatching(/^ModelUnknown: /) });
});

it('an argument that is null counts as left out, also by the schema that an agent is told', () => {
  const given = { key: 'k', model: 'a/b', input: {} };
  for (const [name, schema] of agent().taken) {
    const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input' });
    const optional = Object.keys(properties).filter((field) => !required.includes(field));
    const args = Object.fromEntries(required.map((field) => [field, given[field as keyof typeof given]]));
    const nulls = Object.fromEntries(optional.map((field) => [field, null]));
    expect(schema.parse({ ...args, ...nulls }), name).toEqual(schema.parse(args));
    for (const field of optional) expect(JSON.stringify(properties[field]), `${name}.${field}`).toContain('"null"');
  }
  const { limit } =
    z.toJSONSchema(agent().taken.get('list_generations') ?? z.never(), { io: 'input' }).properties ?? {};
  expect(limit).toMatchObject({ default: 20 });
});

it('models have their names', async () => {
  const entry = { model_id: 'a/b', display_name: 'B of A', base_price_usd: 0.5, price_unit: 'second' };
  const catalogue = {
    models: () => Promise.resolve(JSON.stringify({ models: [entry] })),
    model: () => Promise.resolve(JSON.stringify(entry)),
  };
  const brief = { model: 'a/b', name: 'B of A', price: { usd: 0.5, unit: 'second' } };
  const { use } = agent({ catalogue });
  expect((await use('find_models', { limit: 1 })).data).toEqual({ models: [brief] });
  expect((await use('describe_model', { model: 'a/b' })).data).toEqual(brief);
});

it.each([
  [0.5, /^PriceAboveLimit: .*1 USD, and max_price_usd is 0\.5/],
  [undefined, /^PriceUnknown: .*leave max_price_usd out/],
])('nothing is started above a limit, or where no price is known', async (limit, refused) => {
  const started: unknown[] = [];
  // What has the name already is attached to; nothing has.
  const start = (_: unknown, { attachOnly }: { attachOnly?: true }) => {
    if (attachOnly !== true) started.push(attachOnly);
    return Promise.reject(new GenerationError({ type: 'KeyNotFound', message: 'no such key' }));
  };
  const price = () => Promise.resolve(limit === undefined ? { basis: 'unknown' } : { usd: 1, basis: 'per output' });
  const { use } = agent({ catalogue: { ...checked, price }, generations: { start }, settings: {}, access: {} });
  const order = { model: flux, input: { prompt: 'x' }, order_name: 'k', max_price_usd: limit ?? 1, wait_seconds: 0 };
  expect(await use('order_generation', order)).toMatchObject({ isError: true, text: expect.stringMatching(refused) });
  expect(started).toEqual([]);
});

it.each<[attached: boolean, type: GenerationErrorType, words: RegExp]>([
  ...[false, true].flatMap((attached): [boolean, GenerationErrorType, RegExp][] => [
    [attached, 'TemporalUnreachable', /rdered.* call get_generation with key made-up, do not order again\./],
    [attached, 'Undecodable', /rdered.* cannot be read here,.* log says why: its key is made-up, do not order again\./],
  ]),
])(
  'an order that stands is told by its key, though it cannot be asked for now: attached %s, %s',
  async (attached, type, words) => {
    const away = () => Promise.reject(new GenerationError({ type, message: 'away' }));
    const start = (_: unknown, { key }: { key: string }) => Promise.resolve({ key, runId: 'r', attached, notices: [] });
    const reader = { read: away, note: () => undefined, refresh: () => undefined };
    const dedupedKeys = { keyFor: () => Promise.resolve('made-up') };
    const access = { tenants: () => Promise.resolve([]) };
    const parts = { catalogue: checked, generations: { start }, settings: {}, access, reader, dedupedKeys };
    const { context, use } = agent(parts);
    const { isError, data, text } = await use('order_generation', { model: flux, input: {}, wait_seconds: 0 });
    expect(isError).toBeUndefined();
    expect(data).toEqual({ key: 'made-up', ...(!attached && { phase: 'submitting' }), ordered: !attached });
    expect(text).toMatch(words);
    expect(await context.parts.metrics.registry.metrics()).toContain(`starts_total{result="refused"} 0`);
  },
);

it('an order of which Temporal tells nothing is to be repeated under its name, as agents give it', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const start = () => {
    vi.advanceTimersByTime(20_000);
    return Promise.reject(new GenerationError({ type: 'TemporalUnreachable', message: 'away' }));
  };
  const dedupedKeys = { keyFor: () => Promise.resolve('made-up') };
  const access = { tenants: () => Promise.resolve([]) };
  const { use } = agent({ catalogue: checked, generations: { start }, settings: {}, access, dedupedKeys });
  const { isError, text } = await use('order_generation', { model: flux, input: {}, wait_seconds: 0 });
  expect(isError).toBe(true);
  expect(text).toMatch(/^TemporalUnreachable: .*repeat it with order_name: made-up$/);
});

it.each<[state: object | undefined, words: RegExp]>([
  [{ otherRequestIds: ['r-1'], otherCostUsd: 0 }, /^Stopped: nothing is billed\./],
  [{ otherCostsUnknown: 1 }, /^Stopped; something of this order may be billed all the same/],
  [{ otherRequestIds: ['r-1'] }, /^Stopped; something of this order may be billed all the same/],
  [{ costUsd: 0.1 }, /^Stopped; something of this order may be billed all the same/],
  [undefined, /^Stopped; something of this order may be billed all the same/],
])('a cancel promises that nothing is billed only where that is so: %j', async (state, words) => {
  const handle = { cancel: () => Promise.resolve({ outcome: 'cancelled', phase: 'cancelled' }) };
  const read = () => (state === undefined ? Promise.reject(new Error('away')) : Promise.resolve({ state }));
  const reader = { read, refresh: () => undefined };
  const { use } = agent({ reader, generations: { get: () => Promise.resolve(handle) } });
  expect((await use('cancel_generation', { key: 'k' })).text).toMatch(words);
});

/** An agent that asks for a generation which stands like this; `waits` are what ends its waiting. */
function watcherOf(seen: object, sinceMs = 0) {
  const whole = { key: 'acme/k', runId: 'r', startedAt: '2026-11-27T00:00:00.000Z', ...seen };
  const waits: AbortSignal[] = [];
  async function* follow(_key: string, signal: AbortSignal) {
    waits.push(signal);
    yield await Promise.resolve(whole);
  }
  const parts = { reader: { read: () => Promise.resolve(whole) }, watchers: { generations: { follow } } };
  return { ...agent(parts, sinceMs), waits };
}

it.each<[agoMs: number, seconds: number, waitMs: number | undefined]>([
  [0, 1.2345, 1_234],
  [15_000, 50, 35_000],
  [49_000, 50, 1_000],
  [50_000, 50, undefined],
])('a call that began %i ms ago and waits for %d s is answered before its client gives up', async (ago, s, waitMs) => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const { use, waits } = watcherOf({ state: { phase: 'in_queue', model: flux } }, ago);
  const { text } = await use('get_generation', { key: 'k', wait_seconds: s });
  expect(text).toContain('k is not finished (in_queue)');
  const areOverIn = (ms: number) => {
    vi.advanceTimersByTime(ms);
    return waits.map(({ aborted }) => aborted);
  };
  const [before, then] = waitMs === undefined ? [[], []] : [[false], [true]];
  expect([areOverIn((waitMs ?? 1) - 1), areOverIn(1)]).toEqual([before, then]);
});

it.each([
  ['failed', true],
  ['timed_out', true],
  ['cancelled', undefined],
])('a generation that %s is told whole, as an error: %s', async (phase, isError) => {
  const failure = { type: 'GenerationFailed', message: 'no such style' };
  const { use } = watcherOf({ state: { phase, model: flux, failure }, ending: { failure } });
  const answer = await use('get_generation', { key: 'k', wait_seconds: 0 });
  expect(answer).toMatchObject({ data: { key: 'k', phase, failure } });
  expect(answer.text).toContain('k ended: GenerationFailed: no such style');
  expect(answer.isError).toBe(isError);
});

it('a generation that Temporal cannot be asked about is told with its age', async () => {
  const { use } = watcherOf({ state: { phase: 'in_queue', model: flux }, ageS: 40 });
  const { data, text } = await use('get_generation', { key: 'k', wait_seconds: 0 });
  expect(data).toMatchObject({ phase: 'in_queue', age_seconds: 40 });
  expect(text).toContain('Temporal cannot be asked now: so it stood 40 s ago.');
});

it('a workflow that was cancelled as such is told as over, also while no worker can say more', async () => {
  const state = { phase: 'cancelled', model: flux, isFromServer: true };
  const { use } = watcherOf({ state, ending: { state } });
  expect((await use('get_generation', { key: 'k', wait_seconds: 0 })).text).toMatch(/^k ended: cancelled\.\n/);
});

it.each(['get_generation', 'cancel_generation'])('%s knows nothing of a key, whatever it is', async (name) => {
  const unknown = () => Promise.reject(new GenerationError({ type: 'KeyNotFound', message: 'no such request' }));
  const another = () => Promise.reject(new GenerationError({ type: 'KeyInUse', message: 'it is a batch' }));
  const texts = await Promise.all(
    [unknown, another, unknown].map(async (find, at) => {
      const { use } = agent({ reader: { read: find }, generations: { get: find } });
      return (await use(name, { key: at === 2 ? '' : 'k', wait_seconds: 0 })).text;
    }),
  );
  expect(texts[0]).toMatch(/^unknown generation: /);
  expect(new Set(texts).size).toBe(1);
});

it('a failure that nobody foresaw is in the log under the id of the call; no answer shows a Workflow ID', async () => {
  const { context, lines } = agent();
  const failed = await answerTool(context, () => Promise.reject(new Error('a defect')));
  expect(failed.content[0]).toMatchObject({ text: expect.stringMatching(/^Internal: /) });
  expect(lines.join('')).toMatch(/"request":"request-1".*a defect/);
  const used = new GenerationError({ type: 'KeyInUse', message: 'key "acme/k" is used', key: 'acme/k' });
  const refused = await answerTool(context, () => Promise.reject(used));
  expect(refused.content[0]).toMatchObject({ text: 'KeyInUse: key "k" is used' });
});

it.each([
  [{ tenant: 'acme' }, { key: 'order-1' }],
  [
    { tenant: '*', tenants: ['acme'] },
    { key: 'acme/order-1', tenant: 'acme' },
  ],
])('%o lists the rows that our API lists', async (principal, shown) => {
  const startedAt = '2026-11-29T05:00:00.000Z';
  const row = { key: 'acme/order-1', runId: 'r', model: flux, phase: 'in_queue', startedAt };
  const parts = { generations: { list: () => [row] }, reader: { known: () => undefined } };
  const { data } = await agent(parts, 0, principal).use('list_generations', {});
  // What is no field of the contract would be left out here.
  expect(generationList.parse(data)).toEqual(data);
  expect(data).toMatchObject({ generations: [{ ...shown, createdAt: startedAt }] });
});

it('lists of one phase hold nothing that was told to be in another', async () => {
  const row = { key: 'order-1', runId: 'r', model: flux, phase: 'in_queue', startedAt: '2026-11-29T05:00:00.000Z' };
  const told = { ...row, phase: 'succeeded' };
  const { use } = agent({ generations: { list: () => [row] }, reader: { known: () => told } });
  expect((await use('list_generations', { phase: 'in_queue' })).data).toEqual({ generations: [] });
  expect((await use('list_generations', {})).data).toMatchObject({ generations: [{ phase: 'succeeded' }] });
});
