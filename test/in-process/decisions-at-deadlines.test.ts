import { describe, expect, it } from 'vitest';
import type { PipelineState } from '../../domain/pipeline/pipeline-run.ts';
import { type InProcess, pipelinesInProcess, stepOf } from '../support/pipeline-in-process.ts';
import { flux } from '../support/simulator-client.ts';

const start = pipelinesInProcess();
const decision = { step: 'pick', decision: 'approve', choose: 1, by: 'Ada' };

type Coming = readonly [string, string];

/** How a decision comes, and which of the two a workflow task hears of first. */
const comings: Coming[] = [
  ['signalWorkflow', 'fireTimer'],
  ['fireTimer', 'signalWorkflow'],
  ['doUpdate', 'fireTimer'],
  ['fireTimer', 'doUpdate'],
];

const planOf = (approval: object, hasNext = true) => ({
  version: 1,
  steps: {
    pick: { approval: { choose: ['a', 'b'], ...approval } },
    ...(hasNext && { next: { model: flux, input: { prompt: '${{ steps.pick.choice }}' } } }),
  },
});

type Request = Parameters<typeof start>[0];
type DeadlineIn = (state: PipelineState) => string | undefined;

/** How long after its start a deadline of this pipeline passes: as long as after any other start of it. */
async function msUntil(request: Request, deadlineIn: DeadlineIn): Promise<number> {
  const { execution, time, end } = await start(request);
  const startedAt = time.now;
  let deadlineAt: string | undefined;
  time.after(10_000, async () => {
    deadlineAt = deadlineIn(await execution.state());
  });
  await end();
  return Date.parse(deadlineAt ?? '') - startedAt;
}

/** Has the decision come with the deadline, in one workflow task; gives how all ended, and what an update was told. */
async function together(request: Request, deadlineIn: DeadlineIn, coming: Coming) {
  const inMs = await msUntil(request, deadlineIn);
  const pipeline = await start(request);
  const { execution, time } = pipeline;
  let answer: 'taken' | 'refused' | undefined;
  const decide = () => {
    if (coming.includes('signalWorkflow')) {
      execution.signal('decide', decision);
      return;
    }
    execution.update('decide', decision).then(
      () => (answer = 'taken'),
      () => (answer = 'refused'),
    );
  };
  // What is due at one moment comes in the order in which it was asked for: the timer was set in between.
  if (coming[0] === 'fireTimer') {
    time.after(inMs - 1, () => {
      time.after(1, decide);
    });
  } else time.after(inMs, decide);
  const ended = await pipeline.end();
  expect(heardBy(pipeline)).toContainEqual([...coming]);
  return { ...ended, pick: stepOf(ended.state, 'pick'), answer, provider: pipeline.provider };
}

/** Of what each workflow task heard. */
function heardBy({ execution }: InProcess): string[][] {
  return execution.tasks.map(({ jobs }) => jobs.flatMap((job) => Object.keys(job)));
}

describe('41: a decision that comes in one workflow task with the deadline', () => {
  it.each(comings)('of the pipeline (%s, %s) is recorded or refused, and orders nothing', async (...coming) => {
    for (const hasNext of [true, false]) {
      const request = { plan: planOf({}, hasNext), deadlineMs: 60_000 };
      const deadlineIn = (state: PipelineState) => state.deadlineAt;
      const { state, end, pick, answer, provider } = await together(request, deadlineIn, coming);
      expect(provider.runs).toEqual([]);
      expect(state.phase).toBe('timed_out');
      expect(end).toMatchObject({ error: { type: 'PipelineTimedOut' } });
      if (hasNext) expect(stepOf(state, 'next').phase).toBe('not_started');
      const isTaken = pick.phase === 'succeeded';
      if (isTaken) expect(pick.approval).toMatchObject({ decision: 'approve', chosen: ['b'], by: 'Ada' });
      else {
        expect(pick.phase).toBe('cancelled');
        expect(pick.approval?.decision).toBeUndefined();
      }
      if (coming.includes('doUpdate')) expect(answer).toBe(isTaken ? 'taken' : 'refused');
    }
  });

  it.each(comings)('of the approval (%s, %s) is one of the two, and what follows is of that one', async (...coming) => {
    for (const onDeadline of ['approve', 'reject']) {
      const request = { plan: planOf({ deadline: '1m', onDeadline }) };
      const deadlineIn = (state: PipelineState) => stepOf(state, 'pick').approval?.deadlineAt;
      const { state, pick, answer, provider } = await together(request, deadlineIn, coming);
      const byDeadline = { decision: onDeadline, by: 'deadline', ...(onDeadline === 'approve' && { chosen: ['a'] }) };
      const isTaken = pick.approval?.by === 'Ada';
      expect(pick.approval).toMatchObject(isTaken ? { decision: 'approve', chosen: ['b'], by: 'Ada' } : byDeadline);
      const prompts = provider.jobs.map(({ prompt }) => prompt);
      const isApproved = pick.approval?.decision === 'approve';
      expect({ phase: state.phase, pick: pick.phase, prompts }).toEqual(
        isApproved
          ? { phase: 'succeeded', pick: 'succeeded', prompts: pick.approval?.chosen }
          : { phase: 'failed', pick: 'failed', prompts: [] },
      );
      if (coming.includes('doUpdate')) expect(answer).toBe(isTaken ? 'taken' : 'refused');
    }
  });
});

it('a decision that comes while the plan is checked is refused for that, and its step is not called unknown', async () => {
  const { execution, end } = await start({ plan: planOf({ deadline: '1m' }) });
  const early = execution.update('decide', decision);
  const ended = end();
  await expect(early).rejects.toMatchObject({
    type: 'InvalidInput',
    message: 'no step awaits a decision yet: the plan is being checked',
    // Nothing by which a client would take the step for one that there is not.
    details: [],
  });
  expect(stepOf((await ended).state, 'pick').approval).toMatchObject({ by: 'deadline' });
});

it('a decision that Temporal hands to a run that was reset, before its step asks, is told as one to be taken anew', async () => {
  const { execution, end } = await start(
    { plan: planOf({ deadline: '1h' }, false) },
    { run: { originalExecutionRunId: 'earlier' } },
  );
  execution.signal('decide', decision);
  const { state } = await end();
  expect(stepOf(state, 'pick')).toMatchObject({ phase: 'failed', approval: { by: 'deadline' } });
  expect(state.warnings).toEqual([expect.stringContaining('no step awaits a decision yet') as string]);
});
