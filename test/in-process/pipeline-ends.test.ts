import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import type { OrderState, PipelineCancelReply, PipelineState } from '../../domain/pipeline/pipeline-run.ts';
import { type InProcess, pipelinesInProcess, stepOf } from '../support/pipeline-in-process.ts';
import { flux } from '../support/simulator-client.ts';

const start = pipelinesInProcess();
const still = (prompt: string, more: object = {}) => ({ model: flux, input: { prompt }, ...more });
const two = { version: 1, steps: { first: still('first'), next: still('next ${{ steps.first.image }}') } };

/** Lets a pipeline go on until a job of it runs. */
async function untilRunning({ time, provider }: InProcess): Promise<void> {
  await time.run(() => provider.jobs.some(({ state }) => state === 'running'));
}

describe('a pipeline under budgets', () => {
  it('passes them on to every order of it', async () => {
    const steps = { first: still('first', { maxPriceUsd: 0.1 }), next: still('next', { maxPriceUsd: 0.1 }) };
    const pipeline = await start({ plan: { version: 1, steps }, budgets: ['team-a', 'nightly'] });
    expect((await pipeline.end()).state.phase).toBe('succeeded');
    expect(pipeline.provider.runs.map(({ request }) => request.budgets)).toEqual([
      ['team-a', 'nightly'],
      ['team-a', 'nightly'],
    ]);
  });

  it('is refused where one of them is no name', async () => {
    const { end } = await (await start({ plan: two, budgets: ['a b'] })).end();
    expect(end).toMatchObject({ error: { type: 'InvalidInput' } });
  });
});

/** Lets a pipeline go on until another order of its last step is prepared after one that is as wished. */
async function untilBetween(
  { execution, time, provider }: InProcess,
  isWished: (order: OrderState) => boolean,
): Promise<void> {
  const isBetween = ({ steps }: PipelineState) => {
    const step = steps.at(-1);
    const { phase, ...order } = step?.items?.[0] ?? step ?? {};
    return phase === 'preparing' && isWished(order);
  };
  await time.run(() => provider.runs.at(-1)?.end !== undefined);
  for (let events = 0; !isBetween(await execution.state()); events = 0) await time.run(() => (events += 1) > 1);
}

/** What a cancel at such a moment is told. */
async function cancelledBetween(pipeline: InProcess, isWished: (order: OrderState) => boolean): Promise<unknown> {
  await untilBetween(pipeline, isWished);
  const replied = pipeline.execution.update('cancel', {});
  await pipeline.end();
  return await replied;
}

describe('a pipeline that is ended', () => {
  it('by a cancel with detach ends at once; what runs is delivered under its key, and the next run finds it', async () => {
    const first = await start({ plan: two });
    const { execution, time, provider } = first;
    await untilRunning(first);
    const replied = execution.update('cancel', { detach: true, reason: 'enough' });
    const { state, end } = await first.end();
    expect(await replied).toMatchObject({
      outcome: 'not_cancellable',
      steps: [{ id: 'first' }, { id: 'next', outcome: 'not_submitted' }],
    });
    expect(state).toMatchObject({
      phase: 'cancelled',
      cancel: { detach: true, reason: 'enough', outcome: 'not_cancellable' },
    });
    expect(end).toMatchObject({ error: { type: 'PipelineCancelled' } });
    expect(provider.jobs[0]?.state).toBe('running');
    await time.run(() => provider.jobs[0]?.endedAt !== undefined);
    const again = await start({ plan: two, orderAgain: true }, { time, provider });
    expect((await again.end()).state).toMatchObject({
      phase: 'succeeded',
      steps: [{ phase: 'succeeded' }, { phase: 'succeeded' }],
    });
    expect(provider.jobs).toHaveLength(2);
  });

  it.each(['an update', 'a signal'])(
    'while its plan is checked says that nothing was submitted, also where %s came before',
    async (before) => {
      const pipeline = await start({ plan: two });
      const { execution } = pipeline;
      const first = before === 'an update' ? execution.update('cancel', {}) : undefined;
      if (first === undefined) execution.signal('cancel', {});
      const second = execution.update('cancel', {});
      const { state } = await pipeline.end();
      const told = { outcome: 'not_submitted' } satisfies Partial<PipelineCancelReply>;
      expect([(await first) ?? told, await second]).toMatchObject([told, told]);
      expect(state).toMatchObject({ phase: 'cancelled', cancel: told });
      expect(pipeline.provider.runs).toEqual([]);
    },
  );

  it.each([
    ['fails', 'too_late', {}],
    ['is not sent', 'not_submitted', {}],
    ['waits too long', 'cancelled', {}],
    ['runs past its deadline', 'not_cancellable', { mayPayTwice: true }],
    ['is accepted unheard', 'unknown', { mayPayTwice: true, forEach: ['a'] }],
  ] as const)('between two attempts tells what became of the first, which %s: %s', async (fate, outcome, more) => {
    const plan = { version: 1, steps: { only: still('only', { attempts: 2, ...more }) } };
    const pipeline = await start({ plan }, { fates: [fate] });
    expect(await cancelledBetween(pipeline, ({ attempts = [] }) => attempts.length > 0)).toMatchObject({
      outcome,
      steps: [{ id: 'only', key: pipeline.provider.runs[0]?.key, outcome }],
    });
    expect(pipeline.provider.runs).toHaveLength(1);
  });

  it('between two attempts tells what became of the last order, also where another since could not even be made', async () => {
    const fallback = [still('like ${{ steps.source.image }}'), still('instead')];
    const only = still('only', { needs: ['source'], mayPayTwice: true, onFailure: { fallback } });
    const plan = { version: 1, steps: { source: still('source'), only } };
    const pipeline = await start({ plan }, { fates: ['succeeds without a file', 'runs past its deadline'] });
    const told = { key: expect.stringMatching('film/only@') as string, outcome: 'not_cancellable' };
    expect(await cancelledBetween(pipeline, ({ failure }) => failure?.type === 'OutputMissing')).toMatchObject({
      steps: [told],
    });
    expect(pipeline.provider.runs).toHaveLength(2);
  });

  it('by a second cancel forgets nothing that the first has found', async () => {
    const only = still('only', { attempts: 2, mayPayTwice: true });
    const plan = { version: 1, steps: { other: still('other'), only } };
    const pipeline = await start({ plan }, { fates: ['waits too long', 'runs past its deadline'] });
    const { execution, time, provider } = pipeline;
    const { cancel } = provider;
    let asked = 0;
    provider.cancel = (key) => {
      asked += 1;
      return new Promise((resolve) => {
        time.after(5_000, () => {
          resolve(cancel(key));
        });
      });
    };
    await untilBetween(pipeline, ({ attempts = [] }) => attempts.length > 0);
    const first = execution.update('cancel', {});
    await time.run(() => asked > 0);
    const second = execution.update('cancel', {});
    const { state } = await pipeline.end();
    const told = { outcome: 'not_cancellable', steps: [{ id: 'other', outcome: 'cancelled' }, { id: 'only' }] };
    expect(await first).toMatchObject({ outcome: 'not_cancellable' });
    expect(await second).toMatchObject(told);
    expect(state.cancel?.outcome).toBe('not_cancellable');
  });

  it.each([
    ['heard, and its answer lost', 0],
    ['heard long after', 5_000],
  ])('by a cancel that is %s learns from the end of the order what became of it', async (_, heardInMs) => {
    const pipeline = await start({ plan: two }, { fates: ['waits too long'] });
    const { execution, time, provider } = pipeline;
    await time.run(() => provider.jobs.length === 1);
    const { cancel } = provider;
    provider.cancel = (key) => {
      const heard = new Promise((resolve) => {
        time.after(heardInMs, () => {
          resolve(cancel(key));
        });
      });
      return heardInMs > 0 ? Promise.resolve('unknown') : heard.then(() => 'unknown');
    };
    execution.signal('cancel', {});
    expect((await pipeline.end()).state).toMatchObject({ phase: 'cancelled', cancel: { outcome: 'cancelled' } });
  });

  it("by Temporal's cancellation closes as cancelled, and lets go of what runs", async () => {
    const pipeline = await start({ plan: two });
    await untilRunning(pipeline);
    pipeline.execution.cancel();
    const { state, end } = await pipeline.end();
    expect('error' in end && end.error).toBeInstanceOf(CancelledFailure);
    expect(state.phase).toBe('cancelled');
    await pipeline.time.run();
    expect(pipeline.provider.jobs.map((job) => job.state)).toEqual(['succeeded']);
  });

  it.each([
    ['a step has failed', 'step first failed: InvalidInput', 'is refused', 60_000],
    ['its deadline has passed', 'the deadline of the pipeline passed', 'succeeds', 6_000],
  ] as const)("by Temporal's cancellation closes as cancelled, also where %s", async (_, why, fate, deadlineMs) => {
    const plan = { version: 1, steps: { first: still('first'), other: still('other') } };
    const pace = { queueMs: [0, 0], runMs: [30_000, 30_000] } as const;
    const pipeline = await start({ plan, deadlineMs }, { fates: [fate, 'succeeds'], pace });
    const { execution, time, provider } = pipeline;
    await untilRunning(pipeline);
    for (let events = 0; (await execution.state()).phase !== 'stopping'; events = 0)
      await time.run(() => (events += 1) > 1);
    execution.cancel();
    const { state, end } = await pipeline.end();
    expect('error' in end && end.error).toBeInstanceOf(CancelledFailure);
    expect(state).toMatchObject({
      phase: 'cancelled',
      cancel: { detach: true },
      failure: { type: 'PipelineCancelled' },
    });
    expect(state.failure?.message).toContain(why);
    expect(provider.jobs.at(-1)?.state).toBe('running');
  });

  it('by a termination asks its orders to stop', async () => {
    const pipeline = await start({ plan: two }, { fates: ['waits too long'] });
    await pipeline.time.run(() => pipeline.provider.jobs.length === 1);
    pipeline.execution.terminate();
    await pipeline.end();
    await pipeline.time.run();
    expect(pipeline.provider.jobs.map((job) => [job.state, job.chargedUsd])).toEqual([['cancelled', 0]]);
  });

  it('by its deadline stops what waits, waits for what runs, and starts nothing more', async () => {
    const plan = { version: 1, steps: { ...two.steps, other: still('other') } };
    const pipeline = await start({ plan, deadlineMs: 14_000 }, { fates: ['succeeds', 'waits too long'] });
    const { state, end } = await pipeline.end();
    expect('error' in end && end.error instanceof ApplicationFailure && end.error.type).toBe('PipelineTimedOut');
    expect(state.phase).toBe('timed_out');
    expect(state.steps.map(({ phase }) => phase).sort()).toEqual(['cancelled', 'not_started', 'succeeded']);
    expect(stepOf(state, 'next').phase).toBe('not_started');
    expect(pipeline.provider.jobs.map((job) => job.state).sort()).toEqual(['cancelled', 'succeeded']);
  });

  it('between two attempts tells the attempt that was made', async () => {
    const plan = { version: 1, steps: { first: still('first', { attempts: 3 }) } };
    const pipeline = await start({ plan }, { fates: ['fails'] });
    await pipeline.time.run(() => pipeline.provider.runs[0]?.end !== undefined);
    pipeline.execution.signal('cancel', {});
    const { state } = await pipeline.end();
    expect(state.phase).toBe('cancelled');
    expect(stepOf(state, 'first')).toMatchObject({ phase: 'failed', failure: { type: 'GenerationFailed' } });
    expect(pipeline.provider.jobs).toHaveLength(1);
  });
});

describe('items that fail', () => {
  const fates = ['succeeds', 'fails', 'succeeds'] as const;
  const many = (more: object) => ({
    version: 1,
    steps: {
      many: still('${{ item }}', { forEach: ['a', 'b', 'c'], maxParallel: 1, ...more }),
      after: still('after ${{ size(steps.many.images) }}'),
    },
  });

  it('under continue leave what succeeded to those who follow', async () => {
    const pipeline = await start({ plan: many({ onFailure: 'continue' }) }, { fates: [...fates, 'succeeds'] });
    const { state } = await pipeline.end();
    expect(state).toMatchObject({
      phase: 'partial',
      steps: [{ phase: 'failed', failure: { type: 'GenerationFailed' } }, { phase: 'succeeded' }],
    });
    expect(pipeline.provider.jobs.map(({ prompt }) => prompt)).toEqual(['a', 'b', 'c', 'after 2']);
  });

  it('under fail let what is open end, and start nothing more', async () => {
    const pipeline = await start({ plan: many({ maxParallel: 2 }) }, { fates });
    const { state, end } = await pipeline.end();
    expect(end).toMatchObject({ error: { type: 'PipelineFailed' } });
    const [step, after] = state.steps;
    expect(step?.phase).toBe('failed');
    expect(step?.items?.map(({ phase }) => phase)).toContain('failed');
    expect(step?.items?.every(({ phase }) => ['succeeded', 'failed', 'not_started'].includes(phase))).toBe(true);
    expect(after?.phase).toBe('not_started');
  });

  it('are each followed by a fallback of their own', async () => {
    const onFailure = { fallback: [still('instead of ${{ item }}')] };
    const pipeline = await start({ plan: many({ onFailure }) }, { fates: [...fates, 'succeeds', 'succeeds'] });
    const { state } = await pipeline.end();
    expect(state.phase).toBe('succeeded');
    expect(pipeline.provider.jobs.map(({ prompt }) => prompt).sort()).toEqual([
      'a',
      'after 3',
      'b',
      'c',
      'instead of b',
    ]);
  });

  it('none are made of an empty list, and 201 or more than 500 in a run are refused before any is ordered', async () => {
    const of = (list: unknown[], id = 'many') => ({
      [id]: still('${{ item }}', { forEach: '${{ params.list }}', onFailure: 'continue' }),
      list,
    });
    const planOf = (ids: string[]) => ({
      version: 1,
      params: { list: { type: 'list' } },
      steps: Object.fromEntries(ids.map((id) => [id, of([], id)[id]])),
    });
    const empty = await start({ plan: planOf(['many']), params: { list: [] } });
    expect((await empty.end()).state).toMatchObject({ phase: 'succeeded', steps: [{ phase: 'succeeded', items: [] }] });
    const long = await start({ plan: planOf(['many']), params: { list: Array.from({ length: 201 }, (_, at) => at) } });
    const { end } = await long.end();
    expect(JSON.stringify(end)).toContain('201 items');
    expect(long.provider.runs).toEqual([]);
  });
});
