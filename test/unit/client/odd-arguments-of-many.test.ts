import { Client, Connection } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createBatchHandle } from '../../../client/batch/batch-handle.ts';
import { findOrderIssues } from '../../../client/batch/check-items.ts';
import { createGenerationClient } from '../../../client/index.ts';

const model = 'a/b';
const invalid = expect.objectContaining({ name: 'GenerationError', type: 'InvalidInput' }) as Error;

/** Nothing listens there: what is refused is refused before anything is sent. */
function clientsOfNobody() {
  const connection = Connection.lazy({ address: '127.0.0.1:1', interceptors: [] });
  onTestFinished(() => connection.close());
  return createGenerationClient({ client: new Client({ connection }) });
}

const circle: Record<string, unknown> = { prompt: 'a cat' };
circle['self'] = circle;
const deep = JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`) as unknown;
const { proxy, revoke } = Proxy.revocable({}, {});
revoke();
const plan = { version: 1, steps: { still: { model, input: { prompt: 'x' } } } };

const values: [what: string, value: unknown][] = [
  ['undefined', undefined],
  ['null', null],
  ['a number', -4711],
  ['a text', 'a/b'],
  ['a list', [1]],
  ['a function', () => 1],
  ['a symbol', Symbol('x')],
  ['a BigInt', 1n],
  ['a Map', new Map()],
  ['a circle', circle],
  ['50,000 levels', { deep }],
  [
    'a getter that throws',
    {
      get prompt(): string {
        throw new Error('no prompt today');
      },
    },
  ],
  ['a proxy that was revoked', proxy],
];

const keys: [unknown][] = [
  [null],
  [4711],
  [{}],
  [Symbol('k')],
  [''],
  ['scene \ud83d'],
  ['nul \0'],
  ['k'.repeat(1_001)],
];

describe.each(values)('%s', (_what, value) => {
  const odd = value as never;
  it('is refused as a pipeline', async () => {
    const { pipelines } = clientsOfNobody();
    await expect(pipelines.start(odd, { key: 'k' })).rejects.toEqual(invalid);
    await expect(pipelines.start({ plan: odd }, { key: 'k' })).rejects.toEqual(invalid);
    await expect(pipelines.preview({ plan: odd }, { key: 'k' })).rejects.toEqual(invalid);
    if (value === undefined || value === null) return;
    await expect(pipelines.start({ plan, params: odd }, { key: 'k' })).rejects.toEqual(invalid);
  });

  it('is refused as a batch', async () => {
    const { batches } = clientsOfNobody();
    await expect(batches.start(odd, { key: 'k' })).rejects.toEqual(invalid);
    await expect(batches.start({ items: [odd] }, { key: 'k' })).rejects.toEqual(invalid);
    if (value === undefined || value === null) return;
    await expect(batches.start({ items: [{ id: '1', model, input: odd }] }, { key: 'k' })).rejects.toEqual(invalid);
    await expect(batches.start({ items: odd }, { key: 'k' })).rejects.toEqual(invalid);
    await expect(batches.start({ items: [{ id: '1' }], defaults: odd }, { key: 'k' })).rejects.toEqual(invalid);
    await expect(batches.start({ items: [{ id: '1' }], plan: odd }, { key: 'k' })).rejects.toEqual(invalid);
  });

  it('is refused as a budget', async () => {
    const { budgets } = clientsOfNobody();
    await expect(budgets.create(odd)).rejects.toEqual(invalid);
    await expect(budgets.create({ name: odd, limitUsd: 5 })).rejects.toEqual(invalid);
    await expect(budgets.create({ name: 'b', limitUsd: odd })).rejects.toEqual(invalid);
    await expect(budgets.set('b', odd)).rejects.toEqual(invalid);
    await expect(budgets.set('b', { limitUsd: odd })).rejects.toEqual(invalid);
    if (typeof value !== 'string') await expect(budgets.release('b', odd, 'why')).rejects.toEqual(invalid);
  });

  it('is refused as a schedule', async () => {
    const { schedules } = clientsOfNobody();
    await expect(schedules.create(odd)).rejects.toEqual(invalid);
    for (const order of [value, { generation: value }, { pipeline: value }, { batch: value }]) {
      const schedule = { name: 's', everyMs: 3_600_000, order: order as never };
      await expect(schedules.create(schedule)).rejects.toEqual(invalid);
    }
  });
});

describe.each(keys)('key %j', (given) => {
  const key = given as never;
  it('is refused of pipelines, batches, budgets and schedules', async () => {
    const { pipelines, batches, budgets, schedules } = clientsOfNobody();
    const calls: Promise<unknown>[] = [
      pipelines.start({ plan }, { key }),
      pipelines.get(key),
      pipelines.result(key),
      pipelines.preview({ plan }, { key }),
      batches.start({ items: [{ id: '1', model, input: {} }] }, { key }),
      batches.get(key),
      budgets.create({ name: key, limitUsd: 5 }),
      budgets.state(key),
      budgets.set(key, { limitUsd: 5 }),
      schedules.get(key),
    ];
    for (const [at, call] of (await Promise.allSettled(calls)).entries())
      expect(call, String(at)).toMatchObject({ status: 'rejected', reason: invalid });
  });
});

it('names the schedule that could not be made, as every other order', async () => {
  const { schedules } = clientsOfNobody();
  const order = { generation: { model, input: { prompt: 'x' }, maxCostUsd: 1 } };
  const made = schedules.create({ name: 'nightly', everyMs: 3_600_000, order });
  await expect(made).rejects.toMatchObject({ type: 'TemporalUnreachable', key: 'nightly' });
});

it('takes null for absent in the items of a batch, and in what anyone has started one with', async () => {
  const odd = null as never;
  expect(await findOrderIssues([{ id: '1', params: odd }], { plan })).toEqual([]);
  const required = { ...plan, params: { scene: { type: 'string' } } };
  const items = ['1', '2'].map((id) => ({ id, params: odd }));
  const missing = (await findOrderIssues(items, { plan: required })).map(({ path }) => path);
  expect(missing).toEqual(['$[0].params.scene', '$[1].params.scene']);

  const sent = { items: [{ id: '1' }], plan: null, budgets: null, defaults: { model, maxPriceUsd: null } };
  const input = { payloads: [defaultPayloadConverter.toPayload(sent)] };
  const history = { events: [{ workflowExecutionStartedEventAttributes: { input } }] };
  const client = {
    options: { loadedDataConverter: { payloadCodecs: [], payloadConverter: defaultPayloadConverter } },
    workflowService: { getWorkflowExecutionHistory: () => Promise.resolve({ history }) },
  } as unknown as Client;
  const started = { key: 'k', runId: 'run', attached: true, notices: [] };
  const batch = createBatchHandle({ client, taskQueue: 'runcomfy' }, started);
  expect(await Promise.all([batch.defaults(), batch.plan(), batch.budgets()])).toEqual([
    { model },
    undefined,
    undefined,
  ]);
});
