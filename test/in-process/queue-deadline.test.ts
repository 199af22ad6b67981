import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { generationInProcess } from '../support/generation-in-process.ts';
import { openSandbox, type Sandbox } from '../support/workflow-sandbox.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await openSandbox({ codePath: inject('workflowBundlePath') });
});
afterAll(() => sandbox.close());

const minute = 60_000;
const request = { model: 'a/b', input: { prompt: 'x' }, deadlineMs: 60 * minute, queueDeadlineMs: 2 * minute };
const read = { reads: 1, readAt: '2026-11-27T12:10:00.000Z', nextReadInMs: 10 * minute };
const accepted = { requestId: 'r', submittedAt: '2026-11-27T12:00:00.000Z', nextReadInMs: 10 * minute };
const unstoppable = { outcome: 'not_cancellable' } as const;
const gone = { status: 'cancelled', ...read };

/** A generation whose work waits in RunComfy's queue until the deadline for that, and what its cancel comes to. */
async function pastQueueDeadline(
  cancel: { type: string } | { outcome: 'not_cancellable'; status?: 'finished' | 'in_progress' },
) {
  const submits = [{ ...accepted, searchAttributes: [] }];
  const run = await generationInProcess(sandbox, request, { submits, cancels: [cancel] });
  await run.pass(2 * minute);
  expect(run.asked).toContain('cancelRequest');
  expect((await run.state()).cancel).toBeUndefined();
  return run;
}

const timedOut = {
  phase: 'timed_out',
  cancel: { outcome: 'cancelled', reason: 'queue_deadline', requestedAt: '2026-11-27T12:02:00.000Z' },
  failure: { type: 'GenerationTimedOut', details: { reason: 'queue_deadline', cancel: { outcome: 'cancelled' } } },
};
const stoppedByOthers = { phase: 'cancelled', failure: { type: 'GenerationCancelled' } };

describe('work that was stopped at its queue deadline ends so also where RunComfy says it later', () => {
  it('by the result of what it calls over', async () => {
    const run = await pastQueueDeadline({ ...unstoppable, status: 'finished' });
    await run.complete('fetchResult', { ...read, status: 'not_ready' });
    await run.pass(10 * minute);
    await run.complete('fetchResult', gone);
    expect([run.end(), await run.state()]).toMatchObject(['failed', timedOut]);
  });

  it('by the status, where the cancel was not answered', async () => {
    const run = await pastQueueDeadline({ type: 'ServiceUnavailable' });
    await run.complete('readStatus', { status: 'in_queue', ...read });
    await run.pass(10 * minute);
    await run.complete('readStatus', gone);
    expect([run.end(), await run.state()]).toMatchObject(['failed', timedOut]);
  });

  it('at the last look of the whole deadline', async () => {
    const run = await pastQueueDeadline({ ...unstoppable, status: 'finished' });
    await run.complete('fetchResult', { ...read, status: 'not_ready', nextReadInMs: 60 * minute });
    await run.pass(58 * minute);
    await run.complete('fetchResult', gone);
    expect([run.end(), await run.state()]).toMatchObject(['failed', timedOut]);
  });

  it('in the run that continues it', async () => {
    const before = await pastQueueDeadline({ ...unstoppable, status: 'finished' });
    before.grow();
    await before.complete('fetchResult', { ...read, status: 'not_ready' });
    expect(before.end()).toBe('continued');
    const run = await generationInProcess(sandbox, request, { submits: [], carried: before.carries() });
    await run.complete('fetchResult', gone);
    expect([run.end(), await run.state()]).toMatchObject(['failed', timedOut]);
  });
});

it('RunComfy is asked once to stop what waits too long, also where a run continues another', async () => {
  const before = await pastQueueDeadline({ type: 'ServiceUnavailable' });
  before.grow();
  await before.complete('readStatus', { status: 'in_queue', ...read });
  const run = await generationInProcess(sandbox, request, { submits: [], carried: before.carries() });
  await run.complete('readStatus', { status: 'in_queue', ...read });
  await run.pass(3 * minute);
  expect(run.asked).toEqual(['readStatus']);
});

describe('work that RunComfy stopped is not said to be stopped by the queue deadline', () => {
  it('where it had started', async () => {
    const run = await pastQueueDeadline({ ...unstoppable, status: 'in_progress' });
    await run.complete('readStatus', gone);
    expect([run.end(), await run.state()]).toMatchObject(['failed', stoppedByOthers]);
  });

  it('where somebody cancelled it after that', async () => {
    const run = await pastQueueDeadline({ ...unstoppable, status: 'finished' });
    await run.signal('cancel', { reason: 'mine' });
    await run.complete('fetchResult', gone);
    const cancel = { outcome: 'cancelled', reason: 'mine' };
    expect([run.end(), await run.state()]).toMatchObject(['failed', { ...stoppedByOthers, cancel }]);
  });

  it('where its history says otherwise', async () => {
    const run = await pastQueueDeadline({ ...unstoppable, status: 'finished' });
    await run.replay([]);
    await run.complete('fetchResult', gone);
    expect(await run.state()).toMatchObject(stoppedByOthers);
  });
});
