import { describe, expect, it } from 'vitest';
import type { Fate } from '../fuzz/pipelines/provider.ts';
import { type InProcess, pipelinesInProcess, stepOf } from '../support/pipeline-in-process.ts';
import { flux } from '../support/simulator-client.ts';

const start = pipelinesInProcess();
const still = (prompt: string, more: object = {}) => ({ model: flux, input: { prompt }, ...more });
const instead = (...prompts: string[]) => ({
  onFailure: { fallback: prompts.map((prompt) => still(prompt)), then: 'continue' },
});
const planOf = (only: object) => ({
  version: 1,
  steps: { only, after: still('after ${{ steps.only.images[0] }}', { needs: ['only'] }) },
});
const prompts = ({ provider }: Pick<InProcess, 'provider'>) =>
  provider.runs.map(({ request }) => String(request.input['prompt']));

const thenAllWell = (...fates: Fate[]): Fate[] => [...fates, ...Array.from({ length: 20 }, () => 'succeeds' as const)];

/** Runs a plan to its end, then again without any change, and tells what the second run ordered. */
async function twice(plan: object, fates: readonly Fate[], { orderAgain = true } = {}) {
  const first = await start({ plan }, { fates });
  const before = await first.end();
  const { time, provider } = first;
  const ordered = provider.runs.length;
  const second = await start({ plan, ...(orderAgain && { orderAgain }) }, { time, provider });
  return { before, after: await second.end(), ordered: prompts(second).slice(ordered) };
}

it('a pipeline that timed out and is retried by Temporal orders nothing more: it forgets a cancel, and what was spent', async () => {
  const { provider, end: ended } = await start({ plan: planOf(still('only')) }, { run: { attempt: 2 } });
  const { state, end } = await ended();
  expect(end).toMatchObject({ error: { type: 'PipelineFailed', nonRetryable: true } });
  const message = expect.stringContaining('(attempt 2)') as string;
  expect(state).toMatchObject({ phase: 'failed', failure: { message } });
  expect(provider.runs).toEqual([]);
});

describe('a pipeline that is run again unchanged orders nothing of a step that succeeded', () => {
  const ends: [string, object, Fate[]][] = [
    ['by its fallback, after a refusal', still('only', instead('instead')), ['is refused', 'succeeds']],
    ['by its fallback, after a paid failure', still('only', instead('instead')), ['fails', 'succeeds']],
    ['by its fallback, after a queue deadline', still('only', instead('instead')), ['waits too long', 'succeeds']],
    [
      'by its second fallback, after three attempts',
      still('only', { attempts: 3, ...instead('instead', 'or this') }),
      ['fails', 'is not sent', 'waits too long', 'fails', 'succeeds'],
    ],
    ['by a further attempt, after nothing was sent', still('only', { attempts: 2 }), ['is not sent', 'succeeds']],
    ['by a further attempt, after a paid failure', still('only', { attempts: 3 }), ['fails', 'fails', 'succeeds']],
    [
      'by its fallback, while the order before may still run',
      still('only', { mayPayTwice: true, ...instead('instead') }),
      ['runs past its deadline', 'succeeds'],
    ],
    [
      'item by item, by equal fallbacks and by their own',
      still('only ${{ item }}', {
        forEach: ['a', 'b', 'c', 'd'],
        maxParallel: 1,
        ...instead('instead', 'instead of ${{ item }}'),
      }),
      ['is refused', 'succeeds', 'fails', 'is refused', 'succeeds', 'fails'],
    ],
  ];
  it.each(ends)('%s', async (_, only, fates) => {
    for (const orderAgain of [true, false]) {
      const { before, after, ordered } = await twice(planOf(only), thenAllWell(...fates), { orderAgain });
      expect(before.state.phase).toBe('succeeded');
      expect(ordered).toEqual([]);
      expect(after.state).toMatchObject({ phase: 'succeeded', costUsd: 0 });
      const step = stepOf(after.state, 'only');
      for (const each of step.items ?? [step]) expect(each.reused).toBe(true);
      expect((step.items ?? [step]).map(({ key }) => key)).toEqual(
        (stepOf(before.state, 'only').items ?? [stepOf(before.state, 'only')]).map(({ key }) => key),
      );
    }
  });
});

describe('a pipeline that is run again', () => {
  it('orders the fallback again where what it made is gone, the refused form at no cost before it', async () => {
    const plan = planOf(still('only', instead('instead')));
    const first = await start({ plan }, { fates: thenAllWell('is refused', 'succeeds', 'succeeds', 'is refused') });
    await first.end();
    const gone = new Set(first.provider.jobs.map((_, at) => `https://files.example.com/request-${String(at + 1)}.png`));
    const { time, provider } = first;
    const second = await start({ plan, orderAgain: true }, { time, provider, isGone: (url) => gone.has(url) });
    expect((await second.end()).state.phase).toBe('succeeded');
    expect(prompts(second).slice(3).slice(0, 2)).toEqual(['only', 'instead']);
    expect(provider.jobs.filter(({ prompt }) => prompt === 'only')).toEqual([]);
  });

  it('uses the newest of what it made, though an older file is to be had again', async () => {
    const plan = planOf(still('only'));
    const first = await start({ plan });
    await first.end();
    const { time, provider } = first;
    const second = await start({ plan, orderAgain: true }, { time, provider, isGone: () => true });
    await second.end();
    const ordered = provider.runs.length;
    const third = await start({ plan, orderAgain: true }, { time, provider });
    expect((await third.end()).state.phase).toBe('succeeded');
    expect(provider.runs).toHaveLength(ordered);
  });

  it('fails as it failed unless failed orders are to be made again: no attempt and no fallback is made once more', async () => {
    const failing: [object, Fate[]][] = [
      [still('only', { attempts: 2 }), ['fails']],
      [still('only', { attempts: 2 }), ['is not sent', 'fails']],
      [still('only', { attempts: 2, ...instead('instead') }), ['fails']],
      [still('only', instead('instead', 'or this')), ['is refused', 'fails', 'fails']],
      [still('${{ item }}', { forEach: ['a', 'b'], attempts: 2, ...instead('instead') }), ['fails']],
    ];
    for (const [only, fates] of failing) {
      const { before, after, ordered } = await twice({ version: 1, steps: { only } }, fates, { orderAgain: false });
      expect(before.state.steps[0]?.phase).toBe('failed');
      expect(ordered).toEqual([]);
      expect(after.state.steps[0]?.phase).toBe('failed');
      expect(after.state.steps[0]?.failure?.type).toBe(before.state.steps[0]?.failure?.type);
    }
  });

  it('makes the attempts anew where failed orders are to be made again, as many as the step allows', async () => {
    const only = still('only', { attempts: 2, ...instead('instead') });
    const { ordered } = await twice({ version: 1, steps: { only } }, ['fails']);
    expect(ordered).toEqual(['only', 'only', 'instead']);
  });

  it('goes on where the one before was ended: follows a fallback that runs, then takes the next', async () => {
    const plan = planOf(still('only', { attempts: 2, ...instead('instead', 'or this') }));
    for (const orderAgain of [true, false]) {
      const first = await start({ plan }, { fates: thenAllWell('is refused', 'fails') });
      const { time, provider } = first;
      await time.run(() => provider.jobs[0]?.state === 'running');
      void first.execution.update('cancel', { detach: true });
      await first.end();
      expect(provider.jobs[0]?.endedAt).toBeUndefined();
      const second = await start({ plan, ...(orderAgain && { orderAgain }) }, { time, provider });
      expect((await second.end()).state.phase).toBe('succeeded');
      expect(prompts(second)).toEqual(['only', 'instead', 'or this', expect.stringMatching(/^after /)]);
    }
  });

  it.each([
    ['at the end, though fallbacks are equal,', ['a', 'b', 'c', 'new'], 'instead'],
    ['in front, where fallbacks name their item,', ['new', 'a', 'b', 'c'], 'instead of ${{ item }}'],
  ])('with an item more %s orders that one alone', async (_, items, fallback) => {
    const planWith = (forEach: string[]) => ({
      version: 1,
      steps: { only: still('item ${{ item }}', { forEach, maxParallel: 1, ...instead(fallback) }) },
    });
    const fates = thenAllWell('succeeds', 'fails', 'succeeds');
    const first = await start({ plan: planWith(['a', 'b', 'c']) }, { fates });
    await first.end();
    const { time, provider } = first;
    const before = provider.runs.length;
    const second = await start({ plan: planWith(items), orderAgain: true }, { time, provider });
    expect((await second.end()).state.phase).toBe('succeeded');
    expect(prompts(second).slice(before)).toEqual(['item new']);
  });

  it('is held to its limit by what it orders, whatever the whole plan costs', async () => {
    const planWith = (prompt: string) => ({
      version: 1,
      steps: { dear: still('dear', { maxPriceUsd: 5 }), last: still(prompt, { maxPriceUsd: 1, needs: ['dear'] }) },
    });
    const { time, provider, ...first } = await start({ plan: planWith('last') });
    expect((await first.end()).state.phase).toBe('succeeded');
    const again = async (prompt: string, maxCostUsd: number) => {
      const run = await start({ plan: planWith(prompt), orderAgain: true, maxCostUsd }, { time, provider });
      return (await run.end()).state;
    };
    const reused = [{ reused: true }, { reused: true }];
    expect(await again('last', 0.5)).toMatchObject({ phase: 'succeeded', costUsd: 0, steps: reused });
    expect(await again('other', 0.5)).toMatchObject({ failure: { type: 'InvalidInput' } });
    expect(provider.runs).toHaveLength(2);
    expect(await again('other', 1)).toMatchObject({
      phase: 'succeeded',
      steps: [{ reused: true }, { phase: 'succeeded' }],
    });
    expect(prompts({ provider })).toEqual(['dear', 'last', 'other']);
  });

  it('is refused before its first order if what no earlier run made costs too much', async () => {
    const priced = (prompt: string, more: object = {}) => still(prompt, { maxPriceUsd: 0.6, ...more });
    const pick = { approval: { choose: '${{ steps.a.images }}' } };
    const plans = [
      { a: priced('a'), b: priced('b', { needs: ['a'] }) },
      { a: priced('a'), b: priced('b of ${{ steps.a.image }}') },
      { a: priced('a'), pick, b: priced('b of ${{ steps.pick.choice }}') },
      { a: priced('a'), ok: { approval: {}, needs: ['a'] }, b: priced('b of ${{ steps.a.image }}', { needs: ['ok'] }) },
    ];
    for (const steps of plans) {
      const { end, provider } = await start({ plan: { version: 1, steps }, orderAgain: true, maxCostUsd: 1 });
      expect((await end()).state).toMatchObject({ phase: 'failed', failure: { type: 'InvalidInput' } });
      expect(provider.runs).toEqual([]);
    }
  });

  describe('is not refused for what a decision, or its params, may leave out', () => {
    const priced = (prompt: string, more: object = {}) => still(prompt, { maxPriceUsd: 0.6, ...more });
    const pick = { approval: { choose: ['kling', 'seedance'] } };
    const needs = ['ok'];
    const ok = { approval: {}, needs: ['a'] };
    const plans: [string, object][] = [
      [
        'a branch that is not chosen',
        {
          pick,
          a: priced('a', { if: 'steps.pick.choice == "kling"' }),
          b: priced('b', { if: 'steps.pick.choice == "seedance"' }),
        },
      ],
      [
        'what follows such a branch',
        {
          pick,
          a: priced('a', { needs: ['pick'] }),
          b: still('b', { maxPriceUsd: 0.1, if: 'steps.pick.choice == "seedance"' }),
          c: priced('c', { needs: ['b'] }),
        },
      ],
      [
        'what is made instead after a rejection',
        { a: priced('a'), ok, redo: priced('redo', { needs, runsWhen: 'ended', if: 'steps.ok.phase != "succeeded"' }) },
      ],
      [
        'an input made of the reason of a decision',
        {
          a: priced('a'),
          ok,
          b: priced('b${{ has(steps.ok.reason) ? steps.ok.reason : "" }}'),
        },
      ],
      ['a step that the params do not want', { a: priced('a'), ok, b: priced('b', { needs, if: 'params.more' }) }],
    ];
    it.each(plans)('%s', async (_, steps) => {
      const request = { plan: { version: 1, params: { more: { type: 'boolean', default: false } }, steps } };
      const run = async (more: object, options: object = {}) => {
        const { execution, time, provider, end } = await start({ ...request, ...more }, options);
        time.after(20 * 60_000, () => {
          const decision = 'pick' in steps ? { step: 'pick', choose: 0 } : { step: 'ok', reason: ' as told' };
          execution.signal('decide', { ...decision, decision: 'approve' });
        });
        return { state: (await end()).state, time, provider };
      };
      const { time, provider } = await run({ maxCostUsd: 2 });
      const ordered = provider.runs.length;
      const { state } = await run({ orderAgain: true, maxCostUsd: 0.5 }, { time, provider });
      expect(state).toMatchObject({ phase: 'succeeded', costUsd: 0 });
      expect(provider.runs).toHaveLength(ordered);
    });
  });

  it('orders the first form anew once it is another one', async () => {
    const first = await start(
      { plan: planOf(still('only', instead('instead'))) },
      { fates: thenAllWell('is refused') },
    );
    await first.end();
    const { time, provider } = first;
    const plan = planOf(still('mended', instead('instead')));
    const second = await start({ plan, orderAgain: true }, { time, provider });
    await second.end();
    expect(prompts(second)).toContain('mended');
  });
});
