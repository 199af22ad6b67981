import { expect, it } from 'vitest';
import { pipelinesInProcess, stepOf } from '../support/pipeline-in-process.ts';
import { flux } from '../support/simulator-client.ts';

const start = pipelinesInProcess();
const many = (more: object = {}) => ({
  model: flux,
  input: { prompt: '${{ item }}' },
  forEach: [1, 2, 3, 4, 5, 6],
  maxParallel: 2,
  ...more,
});
const planOf = (steps: Record<string, object>) => ({ version: 1, steps });
const grouped = { groupsAbove: 4 };

it('a fan-out of more orders than a history has room for is made in a group, and told while it runs', async () => {
  const { execution, time, end, provider } = await start({ plan: planOf({ many: many() }) }, grouped);
  await time.run(() => provider.jobs.some(({ state }) => state === 'succeeded') && provider.jobs.length > 3);
  await time.run(() => provider.jobs.length > 4);
  const { items = [], phase } = stepOf(await execution.state(), 'many');
  expect(phase).toBe('ordered');
  expect(items.filter((item) => item.phase === 'succeeded').length).toBeGreaterThan(1);
  expect(items.at(-1)?.phase).toBe('waiting');
  expect(await end()).toMatchObject({ end: { result: { phase: 'succeeded', costUsd: 0.18 } } });
  expect(execution.groups).toHaveLength(1);
  expect(provider.jobs).toHaveLength(6);
});

it.each([
  ['beside which another step runs', { other: { model: flux, input: { prompt: 'other' } } }, {}],
  ['of few orders', {}, { forEach: [1, 2, 3, 4] }],
] as const)('a fan-out %s is made by the pipeline itself', async (_, beside, more) => {
  const { execution, end } = await start({ plan: planOf({ many: many(more), ...beside }) }, grouped);
  expect(await end()).toMatchObject({ end: { result: { phase: 'succeeded' } } });
  expect(execution.groups).toHaveLength(0);
});

it('a group keeps to the places of its pipeline, and a failure stops both', async () => {
  const request = { plan: planOf({ many: many({ maxPriceUsd: 0.03 }) }), maxCostUsd: 1, maxParallel: 1 };
  const { execution, end, provider } = await start(request, { ...grouped, fates: ['succeeds', 'succeeds', 'fails'] });
  const { state } = await end();
  expect(execution.groups).toHaveLength(1);
  expect(provider.jobs).toHaveLength(3);
  expect(state).toMatchObject({ phase: 'failed', failure: { type: 'PipelineFailed' }, costUsd: 0.06, reservedUsd: 0 });
  const phases = ['succeeded', 'succeeded', 'failed', 'not_started', 'not_started', 'not_started'];
  expect(stepOf(state, 'many').items?.map(({ phase }) => phase)).toEqual(phases);
});

it('what a group was not heard to tell is looked up: nothing is ordered twice', async () => {
  const { execution, end, provider } = await start(
    { plan: planOf({ many: many() }) },
    { ...grouped, isLost: (name) => name === 'groupNews' },
  );
  expect(await end()).toMatchObject({ end: { result: { phase: 'succeeded' } } });
  expect(execution.groups).toHaveLength(1);
  expect(provider.jobs).toHaveLength(6);
});

it('a group that is terminated leaves what it had open as possibly billed, and nothing follows', async () => {
  const plan = planOf({ many: many(), after: { model: flux, input: { prompt: 'after' }, needs: ['many'] } });
  const { execution, time, end, provider } = await start({ plan }, grouped);
  await time.run(() => provider.jobs.length > 2);
  await time.run(() => provider.jobs.length > 3);
  execution.groups[0]?.terminate();
  const { state } = await end();
  expect(state).toMatchObject({ phase: 'failed', failure: { type: 'PipelineFailed', step: 'many' }, reservedUsd: 0 });
  const { items = [] } = stepOf(state, 'many');
  expect(items.filter(({ failure }) => failure?.submission === 'unknown').length).toBeGreaterThan(0);
  // It may have begun what it was not heard to tell.
  expect(items.at(-1)).toMatchObject({ phase: 'failed', failure: { submission: 'unknown' } });
  expect(stepOf(state, 'after').phase).toBe('not_started');
  expect(provider.jobs.length).toBeLessThan(6);
});

it('news that are junk, or of a group that it has not, change nothing', async () => {
  const { execution, time, end, provider } = await start({ plan: planOf({ many: many() }) }, grouped);
  await time.run(() => provider.jobs.length > 0);
  const group = execution.groups[0]?.key;
  const [step, money] = [{ phase: 'succeeded' }, { spent: 0, presumed: 0, reserved: 0 }];
  for (const junk of [null, 7, {}, { group }, { group, step, money, items: [{ index: -1, phase: 'failed' }] }])
    execution.signal('groupNews', junk);
  execution.signal('groupNews', { group: 'another', step, money, items: [], last: { isStopped: false } });
  expect(await end()).toMatchObject({ end: { result: { phase: 'succeeded', costUsd: 0.18 } } });
  expect(provider.jobs).toHaveLength(6);
});
