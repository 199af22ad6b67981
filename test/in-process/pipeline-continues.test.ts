import { describe, expect, it } from 'vitest';
import type { PipelineActivities } from '../../domain/pipeline/pipeline-activities.ts';
import type { PipelineCancelReply } from '../../domain/pipeline/pipeline-run.ts';
import { pipelinesInProcess, stepOf } from '../support/pipeline-in-process.ts';
import { flux } from '../support/simulator-client.ts';

const start = pipelinesInProcess();
const still = (prompt: string, more: object = {}) => ({ model: flux, input: { prompt }, ...more });
const plan = {
  version: 1,
  steps: {
    stills: still('still ${{ item }}', { forEach: [1, 2, 3, 4, 5, 6], maxParallel: 2 }),
    pick: { approval: { choose: '${{ steps.stills.images }}', deadline: '1h' } },
    last: still('last ${{ steps.pick.choice }}'),
  },
};

describe('a pipeline that continues as new', () => {
  it.each([2, 4, 7, 12])('after %i tasks orders each item once and tells all of it at the end', async (tasksPerRun) => {
    const { execution, time, provider, end } = await start({ plan }, { tasksPerRun });
    time.after(20 * 60_000, () => {
      execution.signal('decide', { step: 'pick', decision: 'approve', choose: 5 });
    });
    const { state, end: ended } = await end();
    expect(execution.runs).toBeGreaterThan(1);
    expect(ended).toMatchObject({ result: { phase: 'succeeded' } });
    expect(provider.jobs).toHaveLength(7);
    expect(stepOf(state, 'stills').items?.map(({ phase, attempts }) => [phase, attempts?.length])).toEqual(
      Array.from({ length: 6 }, () => ['succeeded', 1]),
    );
    expect(state.costUsd).toBeCloseTo(7 * 0.03, 6);
    expect(provider.jobs.at(-1)?.prompt).toBe(`last ${stepOf(state, 'pick').approval?.choices?.[5] ?? ''}`);
  });

  it('takes a decision at every moment around the change of runs, once', async () => {
    const approval = {
      version: 1,
      steps: { pick: { approval: { choose: ['a', 'b'] } }, last: still('${{ steps.pick.choice }}') },
    };
    const runs = new Set<number>();
    for (let moment = 0; moment < 24; moment += 1) {
      const { execution, time, provider, end } = await start({ plan: approval }, { tasksPerRun: 2, seed: moment });
      time.after(moment * 10, () => {
        // What comes before the step waits is ignored: so it is said again, as a person would.
        execution.signal('decide', { step: 'pick', decision: 'approve', choose: 1 });
        execution.signal('nudge', {});
      });
      time.after(1_000 + moment * 7, () => {
        execution.signal('decide', { step: 'pick', decision: 'approve', choose: 1 });
      });
      const { state } = await end();
      runs.add(execution.runs);
      expect(stepOf(state, 'pick').approval).toMatchObject({ decision: 'approve', chosen: ['b'] });
      expect(provider.jobs.map(({ prompt }) => prompt)).toEqual(['b']);
    }
    expect(Math.max(...runs)).toBeGreaterThan(1);
  });

  it('hears a cancel at every moment around the change of runs, and orders nothing after it', async () => {
    for (let moment = 0; moment < 20; moment += 1) {
      const { execution, time, provider, end } = await start({ plan }, { tasksPerRun: 3, seed: moment });
      let reply: PipelineCancelReply | undefined;
      let at = 0;
      time.after(moment * 900, () => {
        void execution.update('cancel', {}).then((answer) => {
          reply = answer as PipelineCancelReply;
          at = time.now;
        });
      });
      const { state } = await end();
      expect(state.phase).toBe('cancelled');
      expect(reply?.phase).toMatch(/stopping|cancelled/);
      expect(provider.runs.filter(({ startedAt }) => startedAt > at)).toEqual([]);
      expect(provider.runs.every(({ end: ended }) => ended !== undefined)).toBe(true);
    }
  });

  it('hears of every order that ends as it continues, also of those that a terminated run left open', async () => {
    const runs = new Set<number>();
    for (const tasksPerRun of [3, 4, 5, 7]) {
      const first = await start({ plan }, { seed: tasksPerRun });
      const { time, provider } = first;
      await time.run(() => provider.jobs.filter((job) => job.state === 'running').length === 2);
      first.execution.terminate();
      await first.end();
      // A termination asks the orders to stop; what runs already cannot, and is followed by the next run.
      const { execution, end } = await start({ plan, orderAgain: true }, { time, provider, tasksPerRun });
      time.after(20 * 60_000, () => {
        execution.signal('decide', { step: 'pick', decision: 'approve', choose: 1 });
      });
      const { state } = await end();
      runs.add(execution.runs);
      expect(state.phase).toBe('succeeded');
      const told = stepOf(state, 'stills').items?.flatMap(({ key, attempts = [] }) => [
        key,
        ...attempts.map((each) => each.key),
      ]);
      const made = provider.jobs.filter(({ prompt, state: job }) => prompt.startsWith('still') && job !== 'cancelled');
      expect(made).toHaveLength(6);
      expect(made.filter(({ key }) => !told?.includes(key))).toEqual([]);
    }
    expect(Math.max(...runs)).toBeGreaterThan(2);
  });

  it.each([2, 3])('gets further in each run where a step is told in more parts than %i tasks', async (tasksPerRun) => {
    const wide = still('wide ${{ item }}', { forEach: Array.from({ length: 16 }, (_, at) => at), maxParallel: 20 });
    const first = await start({ plan: { version: 1, steps: { wide } } });
    await first.end();
    const { time, provider } = first;
    // Some four of these fill a part.
    const images = [`https://files.example.com/${'x'.repeat(60_000)}`];
    for (const { end } of provider.runs)
      if (end && 'result' in end) end.result.output = { images, videos: [], audios: [] };
    const plan = { version: 1, steps: { wide, last: still('last ${{ size(steps.wide.images) }}') } };
    const { execution, end } = await start({ plan }, { time, provider, tasksPerRun });
    await time.run(() => execution.end !== undefined || execution.runs > 20);
    expect(execution.end).toMatchObject({ result: { phase: 'succeeded' } });
    expect(execution.runs).toBeGreaterThan(1);
    const { state } = await end();
    expect(stepOf(state, 'wide').items?.filter(({ reused }) => reused)).toHaveLength(16);
    expect(provider.jobs.slice(16).map(({ prompt }) => prompt)).toEqual(['last 16']);
  });

  it('counts no order twice against the limit of a run', async () => {
    const one = { version: 1, steps: { one: still('one') } };
    const carriedWith = (counted: string[]) => async (activities: PipelineActivities) => ({
      state: {
        phase: 'running',
        startedAt: '',
        deadlineAt: '2027-01-01T00:00:00.000Z',
        costUsd: 0,
        reservedUsd: 0,
        steps: [{ id: 'one', phase: 'preparing' }],
        warnings: [],
      },
      checked: await activities.checkPlan({ plan: one, first: { key: 'film', startedAt: '2026-11-01T00:00:00.000Z' } }),
      money: { spent: 0, presumed: 0, reserved: 0 },
      ordersMade: 500,
      counted,
    });
    const known = await start({ plan: one }, { carried: carriedWith(['one']) });
    expect((await known.end()).state.phase).toBe('succeeded');
    const further = await start({ plan: one }, { carried: carriedWith([]) });
    expect((await further.end()).state).toMatchObject({
      phase: 'failed',
      steps: [{ failure: { type: 'InvalidInput' } }],
    });
    expect(further.provider.runs).toEqual([]);
  });

  it.each([
    ['goes on in its run where what it has made is more than the next can be handed', 2_097_152, false],
    ['continues as soon as it can where it may be handed on', 20_000, true],
  ])('%s', async (_name, bytes, isContinued) => {
    const made = {
      version: 1,
      steps: { made: still('made'), pick: { approval: { choose: ['a'] } }, last: still('${{ steps.pick.choice }}') },
    };
    const output = { images: [`https://files.example.com/${'x'.repeat(bytes - 1_500)}`], videos: [], audios: [] };
    const carried = async (activities: PipelineActivities) => ({
      state: {
        phase: 'running',
        startedAt: '',
        deadlineAt: '2027-01-01T00:00:00.000Z',
        costUsd: 0,
        reservedUsd: 0,
        steps: [
          { id: 'made', phase: 'succeeded', key: 'film/made@1', output },
          { id: 'pick', phase: 'waiting' },
          { id: 'last', phase: 'waiting' },
        ],
        warnings: [],
      },
      checked: await activities.checkPlan({
        plan: made,
        first: { key: 'film', startedAt: '2026-11-01T00:00:00.000Z' },
      }),
      money: { spent: 0, presumed: 0, reserved: 0 },
      ordersMade: 1,
    });
    const { execution, time, provider, end } = await start({ plan: made }, { tasksPerRun: 2, carried });
    for (const seconds of [1, 2, 3, 4])
      time.after(seconds * 1_000, () => {
        execution.signal('nudge', {});
      });
    time.after(5_000, () => {
      execution.signal('decide', { step: 'pick', decision: 'approve', choose: 0 });
    });
    expect((await end()).state.phase).toBe('succeeded');
    expect(execution.runs > 1).toBe(isContinued);
    expect(provider.jobs.map(({ prompt }) => prompt)).toEqual(['a']);
  });

  it.each([
    ['goes on where Temporal would never have taken what it has made', 2_100_000, false],
    ['continues as it did where Temporal may have taken it', 2_092_000, true],
  ])(
    'asks for no patch behind a local activity where its history may be of before: %s',
    async (_, bytes, isContinued) => {
      const many = {
        version: 1,
        steps: { made: still('made'), many: still('${{ item }}', { forEach: ['a', 'b', 'c'] }) },
      };
      const output = { images: [`https://files.example.com/${'x'.repeat(bytes)}`], videos: [], audios: [] };
      const carried = async (activities: PipelineActivities) => ({
        state: {
          phase: 'running',
          startedAt: '',
          deadlineAt: '2027-01-01T00:00:00.000Z',
          costUsd: 0,
          reservedUsd: 0,
          steps: [
            { id: 'made', phase: 'succeeded', key: 'film/made@1', output },
            { id: 'many', phase: 'waiting' },
          ],
          warnings: [],
        },
        checked: await activities.checkPlan({ plan: many }),
        money: { spent: 0, presumed: 0, reserved: 0 },
        ordersMade: 1,
      });
      const { execution, provider, end } = await start({ plan: many, maxParallel: 1 }, { tasksPerRun: 3, carried });
      expect((await end()).state.phase).toBe('succeeded');
      expect(execution.runs > 1).toBe(isContinued);
      const asked = execution.tasks.flatMap(({ commands }) =>
        commands.flatMap((each) => each.setPatchMarker?.patchId ?? []),
      );
      expect(asked).not.toContain('what-is-too-large-is-not-carried');
      expect(provider.jobs.map(({ prompt }) => prompt)).toEqual(['a', 'b', 'c']);
    },
  );
});
