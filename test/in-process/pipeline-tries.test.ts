import { describe, expect, it } from 'vitest';
import type { PipelineActivities } from '../../domain/pipeline/pipeline-activities.ts';
import type { Fate } from '../fuzz/pipelines/provider.ts';
import { pipelinesInProcess, stepOf } from '../support/pipeline-in-process.ts';
import { flux } from '../support/simulator-client.ts';

const start = pipelinesInProcess();
const still = (prompt: string, more: object = {}) => ({ model: flux, input: { prompt }, ...more });
/** Temporal lets a run make thousands of events; one of fewer tasks would continue before it has ordered anything. */
const everyRunLength = Array.from({ length: 13 }, (_, at) => at + 3);

describe('a pipeline that continues as new between two orders of a step', () => {
  it('makes each fallback once, though the order before it could not even be made', async () => {
    const runs = new Set<number>();
    for (const tasksPerRun of everyRunLength) {
      const fallback = [still('first instead'), still('second instead')];
      const plan = {
        version: 1,
        steps: { source: still('source'), next: still('next ${{ steps.source.image }}', { onFailure: { fallback } }) },
      };
      const fates = ['succeeds without a file', 'fails', 'succeeds'] as const;
      const { execution, provider, end } = await start({ plan }, { fates, tasksPerRun });
      const { state } = await end();
      runs.add(execution.runs);
      expect(state.phase).toBe('succeeded');
      expect(provider.jobs.map(({ prompt }) => prompt)).toEqual(['source', 'first instead', 'second instead']);
    }
    expect(Math.max(...runs)).toBeGreaterThan(1);
  });

  it('goes on with the fallback where the order was refused, whatever attempts it had left', async () => {
    for (const tasksPerRun of everyRunLength) {
      const plan = {
        version: 1,
        steps: { only: still('only', { attempts: 3, onFailure: { fallback: [still('instead')] } }) },
      };
      const { provider, end } = await start({ plan }, { fates: ['is refused', 'succeeds'], tasksPerRun });
      const { state } = await end();
      expect(stepOf(state, 'only').attempts).toHaveLength(2);
      expect(provider.runs.map(({ request }) => request.input['prompt'])).toEqual(['only', 'instead']);
    }
  });
});

describe('equal orders of one step', () => {
  const run = async (fates: Fate[], forEach: string[], ...fallbacks: string[]) => {
    const fallback = fallbacks.map((prompt) => still(prompt));
    const only = still('${{ item }}', { forEach, maxParallel: 1, onFailure: { fallback } });
    const { provider, end } = await start({ plan: { version: 1, steps: { only } } }, { fates });
    const { state } = await end();
    const { phase, costUsd } = state;
    const keys = stepOf(state, 'only').items?.map(({ attempts = [] }) => attempts.map(({ key }) => key.split('@')[1]));
    const [digests, orders] = [new Map<string, string>(), provider.jobs.map(({ prompt }) => prompt)];
    const named = keys?.map((each) =>
      each.map((key = '') => {
        const digest = key.slice(0, 12);
        if (!digests.has(digest)) digests.set(digest, `d${String(digests.size)}`);
        return key.replace(digest, digests.get(digest) ?? '');
      }),
    );
    return { phase, costUsd, orders, keys: named };
  };

  it('are two where one is the fallback of another item, each paid and counted once', async () => {
    expect(await run(['is refused', 'succeeds', 'succeeds'], ['a red boat', 'a lighthouse'], 'a lighthouse')).toEqual({
      phase: 'succeeded',
      costUsd: 0.06,
      orders: ['a lighthouse', 'a lighthouse'],
      keys: [['d0', 'd1.2'], ['d1']],
    });
  });

  it('are two where they are fallbacks of other ranks, and further attempts where they are of one item', async () => {
    const fates: Fate[] = ['fails', 'fails', 'fails', 'fails', 'succeeds', 'succeeds'];
    const { keys } = await run(fates, ['a', 'b'], '${{ item }}', '${{ index == 0 ? "b" : item }}');
    expect(keys).toEqual([
      ['d0', 'd0~2', 'd1.2'],
      ['d1', 'd1~2', 'd1~3'],
    ]);
  });
});

/** What a run of the first version hands on, whose check told of no later one. */
const fromBefore = (plan: object) => async (activities: PipelineActivities) => ({
  state: {
    phase: 'running',
    startedAt: '',
    deadlineAt: '2027-01-01T00:00:00.000Z',
    costUsd: 0,
    reservedUsd: 0,
    steps: [{ id: 'only', phase: 'waiting' }],
    warnings: [],
  },
  checked: { ...(await activities.checkPlan({ plan })), isSparing: undefined },
  money: { spent: 0, presumed: 0, reserved: 0 },
  ordersMade: 0,
});

it.each<[which: string, isFromBefore: boolean, orders: number]>([
  ['it may be billed', false, 1],
  ['but in a pipeline that began before that was so, whose history has it', true, 2],
])('no other order follows one whose end says nothing of itself: %s', async (_, isFromBefore, orders) => {
  const plan = { version: 1, steps: { only: still('only', { attempts: 2 }) } };
  const { provider, end } = await start({ plan }, isFromBefore ? { carried: fromBefore(plan) } : {});
  const order = provider.start;
  provider.start = ({ isEndOf, ...given }) =>
    order({
      ...given,
      isEndOf: (_, run) => {
        isEndOf({ failure: { type: 'GenerationFailed', message: 'of its own making', submission: 'unknown' } }, run);
      },
    });
  expect((await end()).state).toMatchObject({ phase: 'failed', steps: [{ failure: { submission: 'unknown' } }] });
  expect(provider.runs).toHaveLength(orders);
});

describe('an activity that is given up', () => {
  const givenUp = { asks: 3, activities: ['checkPlan', 'prepareStep', 'evaluateOutputs'] } as const;
  const plan = {
    version: 1,
    steps: { source: still('source'), next: still('next ${{ steps.source.image }}') },
    outputs: { told: 'made ${{ steps.next.image }}' },
  };

  it('is asked for again, and ends no pipeline', async () => {
    const { time, provider, end } = await start({ plan }, { givenUp });
    const { state, end: how } = await end();
    expect(state.phase).toBe('succeeded');
    expect(how).toMatchObject({ result: { outputs: { told: expect.stringMatching(/^made /) as string } } });
    expect(provider.jobs).toHaveLength(2);
    // Three pauses of one, two and four seconds.
    expect(time.now - Date.parse(state.startedAt)).toBeGreaterThan(3 * 7_000);
  });

  it.each(['checkPlan', 'prepareStep'] as const)(
    '%s is asked for no more once the pipeline is cancelled',
    async (name) => {
      const { execution, time, end } = await start({ plan }, { givenUp: { asks: Infinity, activities: [name] } });
      time.after(60_000, () => {
        execution.signal('cancel', {});
      });
      const { state } = await end();
      expect(state.phase).toBe('cancelled');
      expect(Date.parse(state.endedAt ?? '') - Date.parse(state.startedAt)).toBeLessThan(61_000);
    },
  );

  it('is not asked for again where it says itself that it fails for good', async () => {
    const { end } = await start({ plan }, { givenUp: { ...givenUp, type: 'InvalidInput' } });
    expect((await end()).end).toMatchObject({ error: { cause: { type: 'InvalidInput' } } });
  });
});

it('a step waits for the catalogue where its pipeline has a limit, rather than fail since its price is unknown', async () => {
  let asked = 0;
  const only = { model: 'some/text-to-image', input: { prompt: 'a cat' }, needs: ['first'] };
  const getModel = (modelId: string) => {
    if (modelId === only.model) asked += 1;
    return modelId === only.model && asked === 2
      ? Promise.reject(new Error('too slow'))
      : Promise.resolve({ modelId, categories: [], basePriceUsd: 0.2, priceUnit: 'image' });
  };
  const plan = { version: 1, steps: { first: still('first'), only } };
  const { provider, end } = await start({ plan, maxCostUsd: 1 }, { lookup: { getModel } });
  const { state } = await end();
  expect(state.phase).toBe('succeeded');
  expect(stepOf(state, 'only').priceUsd).toBe(0.2);
  expect([asked, provider.jobs.length]).toEqual([3, 2]);
});
