import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { CancelAnswer } from '../../domain/activities.ts';
import { generationInProcess } from '../support/generation-in-process.ts';
import { openSandbox, type Sandbox } from '../support/workflow-sandbox.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await openSandbox({ codePath: inject('workflowBundlePath') });
});
afterAll(() => sandbox.close());

const minute = 60_000;
const request = { model: 'a/b', input: { prompt: 'x' }, deadlineMs: 60 * minute };
const at = (minutes: number) => new Date(Date.parse('2026-11-27T12:00:00.000Z') + minutes * minute).toISOString();
const read = (minutes: number) => ({ reads: 1, readAt: at(minutes), nextReadInMs: 0 });
const accepted = { requestId: 'r', submittedAt: at(0), nextReadInMs: 0, searchAttributes: [] };
const unstoppable = { outcome: 'not_cancellable' } as const;
const output = { images: ['https://files.example/a'], videos: [], audios: [] };
const succeeded = { status: 'succeeded', ...read(30), output, createdAt: at(0), finishedAt: at(29) };

type Cancel = Partial<CancelAnswer> | { type: string };

/** A generation whose status said at once that the work was over, and whose result says for an hour to come how it stands. */
async function contradicted(underWay?: 'in_queue' | 'in_progress', cancels: Cancel[] = [], more: object = {}) {
  const run = await generationInProcess(sandbox, { ...request, ...more }, { submits: [accepted], cancels });
  await run.complete('readStatus', { status: 'finished', ...read(0) });
  const notReady = { status: 'not_ready', ...read(1), nextReadInMs: 90 * minute, ...(underWay && { underWay }) };
  await run.complete('fetchResult', notReady);
  expect(await run.state()).toMatchObject({ phase: 'fetching_result' });
  return Object.assign(run, {
    cancelsAsked: () => run.asked.filter((type) => type === 'cancelRequest').length,
    replayed: () => run.replay([]),
  });
}

type Run = Awaited<ReturnType<typeof contradicted>>;
const cancel = async (run: Run) => {
  await run.update('cancel');
  return [run.end(), run.cancelsAsked(), (await run.state()).cancel?.outcome];
};

describe('work that RunComfy calls over in its status and under way in its result', () => {
  it('is stopped by a cancel', async () => {
    const run = await contradicted('in_queue');
    expect(await cancel(run)).toEqual(['failed', 1, 'cancelled']);
  });

  it('is stopped at the deadline', async () => {
    const run = await contradicted('in_queue');
    await run.pass(60 * minute);
    expect([run.end(), run.cancelsAsked()]).toEqual(['failed', 1]);
    const cancel = { outcome: 'cancelled', reason: 'deadline' };
    expect(await run.state()).toMatchObject({ phase: 'timed_out', cancel });
  });

  it('is stopped at the deadline of the queue while it waits there', async () => {
    const queueDeadlineMs = 20 * minute;
    const waits = await contradicted('in_queue', [], { queueDeadlineMs });
    await waits.pass(20 * minute);
    const failure = { type: 'GenerationTimedOut', details: { reason: 'queue_deadline' } };
    expect([waits.end(), await waits.state()]).toMatchObject(['failed', { failure }]);
    const runs = await contradicted('in_progress', [], { queueDeadlineMs });
    await runs.pass(20 * minute);
    expect([runs.end(), runs.cancelsAsked()]).toEqual([undefined, 0]);
  });

  it('is cancelled in the run that continues it, too', async () => {
    const before = await contradicted('in_queue');
    before.grow();
    await before.signal('nudge');
    await before.complete('fetchResult', { status: 'not_ready', ...read(2) });
    expect(before.end()).toBe('continued');
    const run = await generationInProcess(sandbox, request, { submits: [], carried: before.carries() });
    await run.signal('cancel');
    expect([run.end(), run.asked]).toEqual(['failed', ['fetchResult', 'cancelRequest']]);
  });

  it('is awaited where it can no longer be stopped', async () => {
    const run = await contradicted('in_queue', [{ ...unstoppable, status: 'in_progress' }]);
    expect(await cancel(run)).toEqual([undefined, 1, 'not_cancellable']);
    expect(await run.state()).toMatchObject({ phase: 'in_progress' });
    await run.complete('readStatus', { status: 'finished', ...read(30) });
    await run.complete('fetchResult', succeeded);
    expect(run.end()).toBe('completed');
  });

  it('ended when RunComfy dates its end', async () => {
    const run = await contradicted('in_queue');
    await run.signal('nudge');
    await run.complete('fetchResult', succeeded);
    expect(run.end()).toBe('completed');
    expect(run.metrics('runcomfy_noticed_after')).toMatchObject([{ value: minute }]);
  });

  it('is taken for over where its history says so', async () => {
    const run = await contradicted('in_queue');
    await run.replayed();
    expect(await cancel(run)).toEqual([undefined, 0, 'too_late']);
  });
});

describe('a result that lags behind its status wins over a cancel', () => {
  it('which finds the work over', async () => {
    const run = await contradicted('in_progress', [{ ...unstoppable, status: 'finished' }]);
    expect(await cancel(run)).toEqual([undefined, 1, 'too_late']);
    await run.complete('fetchResult', succeeded);
    expect(run.end()).toBe('completed');
  });

  it.each<Cancel>([{ type: 'ServiceUnavailable' }, unstoppable])(
    'of the workflow, which RunComfy does not confirm: %j',
    async (answer) => {
      const run = await contradicted('in_progress', [answer]);
      await run.cancelWorkflow();
      expect([run.end(), run.cancelsAsked()]).toEqual([undefined, 1]);
      await run.complete('fetchResult', succeeded);
      expect(run.end()).toBe('completed');
    },
  );

  it('also where it says nothing of the work', async () => {
    const run = await contradicted();
    expect(await cancel(run)).toEqual([undefined, 0, 'too_late']);
  });
});

describe('what was wished before a result said that the work goes on is wished all the same', () => {
  const queueDeadlineMs = 20 * minute;
  const notReady = { status: 'not_ready', ...read(1), nextReadInMs: 30 * minute };
  const waits = { ...notReady, underWay: 'in_queue' };
  /** A generation whose status has said that the work is over, and whose result is still awaited. */
  const fetching = async (cancels: Cancel[] = [], more: object = {}) => {
    const run = await generationInProcess(sandbox, { ...request, ...more }, { submits: [accepted], cancels });
    await run.complete('readStatus', { status: 'finished', ...read(0) });
    return run;
  };
  const asked = (run: Pick<Run, 'asked'>) => run.asked.filter((type) => type === 'cancelRequest').length;

  it('a cancel, of which RunComfy is asked then', async () => {
    const run = await fetching();
    await run.signal('cancel', { reason: 'mine' });
    const { cancel } = await run.state();
    expect(cancel).toMatchObject({ outcome: 'too_late', reason: 'mine' });
    await run.complete('fetchResult', waits);
    expect([run.end(), asked(run)]).toEqual(['failed', 1]);
    expect(await run.state()).toMatchObject({ phase: 'cancelled', cancel: { ...cancel, outcome: 'cancelled' } });
  });

  it('a cancel of the workflow', async () => {
    const run = await fetching();
    await run.cancelWorkflow();
    await run.complete('fetchResult', waits);
    expect([run.end(), asked(run)]).toEqual(['cancelled', 1]);
  });

  it('a cancel, once, though RunComfy cannot stop it and goes on to contradict itself', async () => {
    const run = await fetching([{ ...unstoppable, status: 'finished' }]);
    await run.signal('cancel');
    for (let times = 0; times < 3; times += 1) {
      await run.complete('fetchResult', waits);
      await run.signal('nudge');
    }
    expect([run.end(), asked(run), (await run.state()).cancel?.outcome]).toEqual([undefined, 1, 'too_late']);
  });

  it('a cancel, of which it is told that it was not to be stopped', async () => {
    const run = await fetching([{ ...unstoppable, status: 'in_progress' }]);
    await run.signal('cancel');
    await run.complete('fetchResult', waits);
    expect([run.end(), asked(run), (await run.state()).cancel?.outcome]).toEqual([undefined, 1, 'not_cancellable']);
  });

  it('a cancel in the run before', async () => {
    const before = await fetching();
    await before.signal('cancel');
    before.grow();
    await before.complete('fetchResult', { ...notReady, nextReadInMs: 0 });
    expect(before.end()).toBe('continued');
    const run = await generationInProcess(sandbox, request, { submits: [], carried: before.carries() });
    await run.complete('fetchResult', waits);
    expect([run.end(), asked(run)]).toEqual(['failed', 1]);
  });

  it('the deadline of the queue', async () => {
    const run = await fetching([], { queueDeadlineMs });
    await run.pass(queueDeadlineMs);
    await run.complete('fetchResult', waits);
    const failure = { type: 'GenerationTimedOut', details: { reason: 'queue_deadline' } };
    expect([run.end(), asked(run), await run.state()]).toMatchObject(['failed', 1, { failure }]);
  });

  it('but not that of the queue where the work runs', async () => {
    const run = await fetching([], { queueDeadlineMs });
    await run.pass(queueDeadlineMs);
    await run.complete('fetchResult', { ...waits, underWay: 'in_progress' });
    await run.signal('nudge');
    await run.complete('fetchResult', waits);
    expect([run.end(), asked(run)]).toEqual([undefined, 0]);
  });

  it('the deadline, at its last look', async () => {
    const run = await fetching();
    await run.pass(60 * minute);
    await run.complete('fetchResult', waits);
    expect([run.end(), asked(run)]).toEqual(['failed', 1]);
    const cancel = { outcome: 'cancelled', reason: 'deadline' };
    expect(await run.state()).toMatchObject({ phase: 'timed_out', cancel });
  });

  it('except where the history says otherwise', async () => {
    for (const wish of ['cancel', 'deadline']) {
      const run = await fetching();
      await run.replay(['last-looks-are-not-cut-short']);
      if (wish === 'cancel') await run.signal('cancel');
      else await run.pass(60 * minute);
      await run.complete('fetchResult', waits);
      expect(asked(run)).toBe(0);
    }
  });
});
