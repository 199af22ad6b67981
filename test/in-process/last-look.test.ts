import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { CancelAnswer } from '../../domain/activities.ts';
import type { GenerationRequest } from '../../domain/generation.ts';
import { generationInProcess } from '../support/generation-in-process.ts';
import { openSandbox, type Sandbox } from '../support/workflow-sandbox.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await openSandbox({ codePath: inject('workflowBundlePath') });
});
afterAll(() => sandbox.close());

const minute = 60_000;
const deadlineMs = 10 * minute;
const readAt = '2026-11-27T12:10:00.000Z';
const accepted = { requestId: 'r', submittedAt: '2026-11-27T12:00:00.000Z', nextReadInMs: 60 * minute };
const output = { images: ['https://files.example/a'], videos: [], audios: [] };
const succeeded = { status: 'succeeded', reads: 1, readAt, nextReadInMs: 0, output };

/** A generation that waits in RunComfy's queue, and what RunComfy says at its deadline, where it cannot stop it any more. */
async function inQueue(request: Partial<GenerationRequest>, status: CancelAnswer['status']) {
  return await generationInProcess(
    sandbox,
    { model: 'a/b', input: { prompt: 'x' }, deadlineMs, ...request },
    {
      submits: [{ ...accepted, searchAttributes: [] }],
      cancels: [{ outcome: 'not_cancellable', ...(status && { status }) }],
    },
  );
}

describe('the last look at a deadline is taken to its end', () => {
  it('where the deadline of the queue passed while the workers were down, too', async () => {
    const run = await inQueue({ queueDeadlineMs: 2 * minute }, 'finished');
    await run.stall(deadlineMs);
    await run.complete('fetchResult', succeeded);
    expect(run.end()).toBe('completed');
  });

  it('where the deadline of the queue passes meanwhile', async () => {
    const submittedAt = '2026-11-27T12:00:01.000Z';
    const run = await generationInProcess(
      sandbox,
      { model: 'a/b', input: { prompt: 'x' }, deadlineMs, queueDeadlineMs: deadlineMs },
      {
        submits: [{ ...accepted, submittedAt, searchAttributes: [] }],
        cancels: [{ outcome: 'not_cancellable', status: 'finished' }],
      },
    );
    await run.pass(deadlineMs + 5_000);
    expect(run.end()).toBeUndefined();
    await run.complete('fetchResult', succeeded);
    expect(run.end()).toBe('completed');
  });

  it('where somebody sends a nudge meanwhile', async () => {
    const run = await inQueue({}, undefined);
    await run.pass(deadlineMs + 5_000);
    await run.signal('nudge');
    expect(run.end()).toBeUndefined();
    await run.complete('readStatus', { status: 'finished', reads: 1, readAt, nextReadInMs: 0 });
    await run.complete('fetchResult', succeeded);
    expect(run.end()).toBe('completed');
  });

  it('where the workflow is cancelled meanwhile', async () => {
    const run = await inQueue({}, undefined);
    await run.pass(deadlineMs + 5_000);
    await run.cancelWorkflow();
    expect(run.end()).toBeUndefined();
    await run.complete('readStatus', { status: 'finished', reads: 1, readAt, nextReadInMs: 0 });
    await run.complete('fetchResult', succeeded);
    expect(run.end()).toBe('completed');
    expect(await run.state()).toMatchObject({ cancel: { outcome: 'not_cancellable', reason: 'deadline' } });
  });
});

describe('work that the last look finds stopped', () => {
  const gone = { status: 'cancelled', reads: 1, readAt, nextReadInMs: 0 };
  /** RunComfy gives no answer to the cancel at the deadline. */
  const unanswered = async (started?: object) => {
    const request = { model: 'a/b', input: { prompt: 'x' }, deadlineMs };
    const submits = [{ ...accepted, ...(started && { nextReadInMs: 0 }), searchAttributes: [] }];
    const run = await generationInProcess(sandbox, request, { submits, cancels: [{ type: 'ServiceUnavailable' }] });
    if (started) await run.complete('readStatus', started);
    await run.pass(deadlineMs + 5_000);
    return run;
  };

  it('was stopped by the deadline, whose cancel had no answer', async () => {
    const run = await unanswered();
    await run.complete('readStatus', gone);
    expect([run.end(), await run.state()]).toMatchObject([
      'failed',
      {
        phase: 'timed_out',
        cancel: { outcome: 'cancelled', reason: 'deadline' },
        failure: { type: 'GenerationTimedOut', details: { cancel: { outcome: 'cancelled' } } },
      },
    ]);
  });

  it('was stopped elsewhere where it had started', async () => {
    const run = await unanswered({ status: 'in_progress', reads: 1, readAt, nextReadInMs: 60 * minute });
    await run.complete('readStatus', gone);
    expect([run.end(), await run.state()]).toMatchObject(['failed', { phase: 'cancelled' }]);
  });

  it('is cancelled where the workflow was meanwhile', async () => {
    const run = await unanswered();
    await run.cancelWorkflow();
    await run.complete('readStatus', gone);
    expect([run.end(), await run.state()]).toMatchObject(['cancelled', { phase: 'cancelled' }]);
  });
});

describe('the last look at work whose status does not tell whether it is over asks for the result', () => {
  const unknownWord = { status: 'unrecognized', statusWord: 'archived', reads: 1, readAt, nextReadInMs: 0 };
  const timedOut = ['failed', { phase: 'timed_out', failure: { type: 'GenerationTimedOut' } }];
  const untold = async (patches?: string[]) => {
    const run = await inQueue({}, undefined);
    await run.pass(deadlineMs + 5_000);
    if (patches) await run.replay(patches);
    await run.complete('readStatus', unknownWord);
    return run;
  };

  it('and delivers it, where RunComfy has a new word', async () => {
    const run = await untold();
    expect(run.questions('fetchResult')).toMatchObject([{ isLastRead: true, isEndUntold: true }]);
    await run.complete('fetchResult', succeeded);
    expect([run.end(), await run.state()]).toMatchObject(['completed', { phase: 'succeeded', reads: 2 }]);
  });

  it('and delivers it, where the status was out of order', async () => {
    const run = await inQueue({}, undefined);
    await run.pass(deadlineMs + 5_000);
    await run.fail('readStatus', 'ServiceUnavailable', { reads: 3 });
    await run.complete('fetchResult', succeeded);
    expect([run.end(), await run.state()]).toMatchObject(['completed', { phase: 'succeeded', reads: 4 }]);
  });

  it.each([
    ['not ready', { status: 'not_ready' }],
    ['failed', { status: 'failed', reason: 'not there' }],
    ['cancelled', { status: 'cancelled' }],
  ])('and has timed out where that is %s', async (_what, said) => {
    const run = await untold();
    await run.complete('fetchResult', { reads: 1, readAt, nextReadInMs: 0, ...said });
    expect([run.end(), await run.state()]).toMatchObject(timedOut);
  });

  it('and has timed out where there is no answer', async () => {
    const run = await untold();
    await run.fail('fetchResult', 'ServiceUnavailable');
    expect([run.end(), await run.state()]).toMatchObject(timedOut);
  });

  it.each([
    ['has no time left before the timeout of the run', 240_000, 59_000, 0],
    ['has time', 360_000, 59_000, 1],
    ['was quick', 240_000, 1_000, 1],
  ])('where it %s', async (_what, runTimeoutMs, lookMs, looks) => {
    const request = { model: 'a/b', input: { prompt: 'x' }, deadlineMs: 60 * minute };
    const submits = [{ ...accepted, searchAttributes: [] }];
    const cancels = [{ type: 'ServiceUnavailable' }];
    const run = await generationInProcess(sandbox, request, { submits, cancels, runTimeoutMs });
    await run.pass(Date.parse((await run.state()).deadlineAt) - Date.parse(accepted.submittedAt) + lookMs);
    await run.fail('readStatus', 'ServiceUnavailable');
    expect(run.questions('fetchResult')).toHaveLength(looks);
    if (looks > 0) await run.fail('fetchResult', 'ServiceUnavailable');
    expect([run.end(), await run.state()]).toMatchObject(timedOut);
  });

  it('but not where the status says that it waits or runs, knows of no such work, or the history has it otherwise', async () => {
    const runs = [
      await inQueue({}, undefined),
      await inQueue({}, undefined),
      await untold(['last-looks-are-not-cut-short']),
    ];
    const [waits, gone] = runs;
    for (const run of [waits, gone]) await run?.pass(deadlineMs + 5_000);
    await waits?.complete('readStatus', { status: 'in_queue', reads: 1, readAt, nextReadInMs: 0 });
    await gone?.fail('readStatus', 'RequestNotFound');
    for (const run of runs) {
      expect([run.end(), await run.state()]).toMatchObject(timedOut);
      expect(run.questions('fetchResult')).toEqual([]);
    }
  });
});
