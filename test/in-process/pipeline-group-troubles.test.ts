import { describe, expect, it } from 'vitest';
import type { PipelineActivities } from '../../domain/pipeline-activities.ts';
import type { PipelineCancelReply } from '../../domain/pipeline-run.ts';
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
const slow = { ...grouped, pace: { queueMs: [60_000, 120_000], runMs: [60_000, 120_000] } } as const;
const after = { model: flux, input: { prompt: 'after' }, needs: ['many'], runsWhen: 'ended' };

it('a pipeline that an older worker ran makes its orders itself, whoever has checked its plan', async () => {
  const { execution, end, provider } = await start(
    { plan: planOf({ many: many() }) },
    { ...grouped, isOfOldWorker: true },
  );
  await end();
  expect(execution.groups).toHaveLength(0);
  expect(provider.jobs).toHaveLength(6);
});

describe('a group that is ended by hand', () => {
  it.each(['fail', 'continue'])('leaves as unknown what it was not heard to tell, with onFailure %s', async (rule) => {
    const plan = planOf({ many: many({ onFailure: rule }), after });
    const { execution, time, end, provider } = await start(
      { plan },
      { ...grouped, isLost: (name) => name === 'groupNews' },
    );
    await time.run(() => provider.jobs.length > 3);
    execution.groups[0]?.terminate();
    const { state } = await end();
    expect(state).toMatchObject({ phase: 'failed', failure: { step: 'many' } });
    const phases = stepOf(state, 'many').items?.map(({ phase, failure }) => [phase, failure?.submission]);
    expect(phases).toEqual(Array(6).fill(['failed', 'unknown']));
    expect(stepOf(state, 'after').phase).toBe('not_started');
    expect(provider.jobs.length).toBeLessThan(6);
  });

  it.each([['release'], [7], [undefined], [{ kind: 'cancel', ask: 'junk' }]])(
    'by a wish of %j fails its pipeline, though what it had begun succeeds',
    async (wish) => {
      const { execution, time, end, provider } = await start({ plan: planOf({ many: many(), after }) }, slow);
      await time.run(() => provider.jobs.length > 1);
      execution.groups[0]?.signal('groupWish', wish === 'release' ? { kind: wish, by: 'somebody' } : wish);
      const { state } = await end();
      expect(provider.jobs).toHaveLength(2);
      expect(state).toMatchObject({ phase: 'failed', failure: { type: 'PipelineFailed', step: 'many' } });
      const phases = stepOf(state, 'many').items?.map(({ phase }) => phase);
      expect(phases).toEqual(['succeeded', 'succeeded', ...Array<string>(4).fill('not_started')]);
    },
  );
});

it('a cancel that a group cannot read begins nothing more, and is asked for again until it can', async () => {
  let unread = 2;
  const { execution, time, end, provider } = await start(
    { plan: planOf({ many: many() }) },
    {
      ...slow,
      pace: { queueMs: [600_000, 1_200_000], runMs: [60_000, 120_000] },
      isGarbled: (name) => name === 'groupWish' && unread-- > 0,
    },
  );
  await time.run(() => provider.jobs.length > 1);
  const reply = execution.update('cancel', {}) as Promise<PipelineCancelReply>;
  const { state } = await end();
  const { steps } = await reply;
  expect(steps.filter(({ outcome }) => outcome === 'not_submitted')).toHaveLength(4);
  expect(steps.filter(({ key, outcome }) => key !== undefined && outcome === 'cancelled').length).toBeGreaterThan(0);
  expect(unread).toBeLessThan(0);
  expect(state).toMatchObject({ phase: 'cancelled' });
  expect(provider.jobs).toHaveLength(2);
});

it('a group with much to read continues as often as it must, within what Temporal takes', async () => {
  const plan = planOf({ source: many({ forEach: [1] }), many: many({ needs: ['source'] }) });
  const text = 'x'.repeat(300_000);
  const carried = (bytes: number) => async (activities: PipelineActivities) => ({
    state: {
      ...{ phase: 'running', startedAt: '', deadlineAt: '2027-01-01T00:00:00.000Z', costUsd: 0, reservedUsd: 0 },
      steps: [
        {
          ...{ id: 'source', phase: 'succeeded' },
          items: [
            { index: 0, phase: 'succeeded', key: 'source', output: { images: Array(bytes / 300_000).fill(text) } },
          ],
        },
        { id: 'many', phase: 'waiting' },
      ],
      warnings: [],
    },
    checked: { ...(await activities.checkPlan({ plan })), groupsAbove: 4 },
    money: { spent: 0, presumed: 0, reserved: 0 },
    ordersMade: 0,
  });
  const small = await start({ plan }, { ...grouped, tasksPerRun: 3, carried: carried(900_000) });
  expect(await small.end()).toMatchObject({ end: { result: { phase: 'succeeded' } } });
  expect(small.execution.groups[0]?.runs).toBeGreaterThan(1);
  const large = await start({ plan }, { ...grouped, carried: carried(1_200_000) });
  expect(await large.end()).toMatchObject({ end: { result: { phase: 'succeeded' } } });
  expect(large.execution.groups).toHaveLength(0);
});

it('a cancel before the first task of a group starts no order, and its state says so', async () => {
  const { execution, time, end, provider } = await start({ plan: planOf({ many: many() }) }, grouped);
  await time.run(() => execution.groups.length > 0);
  execution.groups[0]?.signal('groupWish', { kind: 'cancel', ask: 1 });
  execution.signal('cancel', {});
  const { state } = await end();
  expect(provider.jobs).toEqual([]);
  expect(state).toMatchObject({ phase: 'cancelled', steps: [{ phase: 'not_started' }] });
  expect(stepOf(state, 'many').items?.map(({ phase }) => phase)).toEqual(Array(6).fill('not_started'));
});

it('news with failures, replies or an end that are none change nothing', async () => {
  const { execution, time, end } = await start({ plan: planOf({ many: many() }) }, grouped);
  await time.run(() => execution.groups.length > 0);
  await time.run(() => execution.children.length > 0);
  const news = {
    ...{ group: execution.groups[0]?.key, step: { phase: 'ordered' }, items: [] },
    money: { spent: 0, presumed: 0, reserved: 0 },
  };
  for (const junk of [
    { failure: {} },
    { failure: 7 },
    { step: { phase: 'failed', failure: {} } },
    { items: [{ index: 0, phase: 'failed', failure: { type: 7 } }] },
    { replies: [{ ask: 1, steps: [null] }] },
    { replies: [{ ask: 1, steps: [{ outcome: 'junk' }] }] },
    { last: 7 },
    { last: {} },
  ])
    execution.signal('groupNews', { ...news, ...junk });
  expect(await end()).toMatchObject({ end: { result: { phase: 'succeeded', costUsd: 0.18 } } });
});

it('a pipeline that is reset to before its group, and cancelled, tells what became of each order', async () => {
  const plan = planOf({ many: many() });
  const first = await start({ plan }, slow);
  const { time, provider } = first;
  await time.run(() => provider.jobs.length > 1);
  await time.run(() => provider.jobs.filter(({ state }) => state === 'succeeded').length > 1);
  await time.run(() => provider.jobs.length > 3);
  const heard: string[] = [];
  const isLost = (name: string) => heard.push(name) === 0;
  const again = await start({ plan }, { ...slow, resetOf: first, isLost });
  const group = first.execution.groups[0];
  await time.run(() => heard.includes('groupWish'));
  const reply = again.execution.update('cancel', {}) as Promise<PipelineCancelReply>;
  const { state } = await again.end();
  expect(group?.end).toBeDefined();
  const { steps } = await reply;
  expect(steps.filter(({ outcome }) => outcome === 'not_submitted')).toHaveLength(2);
  const { items = [] } = stepOf(state, 'many');
  expect(items.filter(({ key }) => key !== undefined)).toHaveLength(4);
  expect(items.filter(({ phase }) => phase === 'not_started')).toHaveLength(2);
  expect(state).toMatchObject({ phase: 'cancelled', costUsd: expect.any(Number) as number });
  expect(state.costUsd).toBeGreaterThan(0);
  expect(provider.jobs).toHaveLength(4);
});
