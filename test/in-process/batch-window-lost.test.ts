import { defaultPayloadConverter } from '@temporalio/common';
import { expect, it } from 'vitest';
import type { PageOfItems } from '../../domain/batch/batch-page.ts';
import { nothingCancelled } from '../../domain/batch/batch.ts';
import { msOf } from '../fuzz/pipelines/replay.ts';
import { answered, batchesByTasks, signalled, windowAnswered } from '../support/batch-in-process.ts';
import type { Job } from '../support/workflow-sandbox.ts';

const items = ['a', 'b', 'c'].map((id) => ({ id, input: { prompt: id } }));
const page: PageOfItems = { page: 0, from: 0, count: items.length, digest: '0'.repeat(64) };

const open = batchesByTasks();

/** The window's worker was killed after it had been asked to stop: its timeout comes where its answer is awaited. */
function lost(seq: number | null | undefined): Job {
  const timeout = { message: 'activity Heartbeat timeout', timeoutFailureInfo: { timeoutType: 4 } };
  const activityFailureInfo = { activityType: { name: 'runWindow' }, activityId: '1', retryState: 7 };
  const failure = { message: 'Activity task timed out', cause: timeout, activityFailureInfo };
  return { resolveActivity: { seq: seq ?? -1, result: { failed: { failure } } } };
}

it('a window whose worker is killed while it is called back ends no batch: the next one finds what it had started', async () => {
  const { play, scheduled, question, state } = await open({ items, defaults: { model: 'a/b' }, window: 2 });
  await play(answered(scheduled('storeItems')?.seq, [page]));
  const window = scheduled('runWindow');
  expect(question()).toMatchObject({ cursor: 0, mayStart: true, pauseAfterFailures: 25 });
  const paused = await play(signalled('pause'));
  expect(paused.some(({ requestCancelActivity }) => requestCancelActivity?.seq === window?.seq)).toBe(true);
  const resumed = await play(signalled('resume'), lost(window?.seq));

  expect(resumed.some(({ failWorkflowExecution }) => failWorkflowExecution)).toBe(false);
  // Whoever said something sees what comes of it soon; then windows grow.
  expect(question()).toMatchObject({ cursor: 0, open: [], mayStart: true, lastsMs: 3_000 });
  const next = { open: [{ index: 0 }, { index: 1 }], cursor: 2 };
  await play(windowAnswered(scheduled('runWindow')?.seq, next));
  const { phase, counts } = await state();
  expect({ phase, counts }).toMatchObject({ phase: 'running', counts: { total: 3, inFlight: 2, waiting: 1 } });
  expect(question()).toMatchObject({ cursor: 2, lastsMs: 6_000 });
  const seq = scheduled('runWindow')?.seq;
  await play(signalled('pause'));
  await play(windowAnswered(seq, next));
  expect(question()).toMatchObject({ mayStart: false, lastsMs: 3_000 });
});

it.each([
  ['one that starts nothing', []],
  ['one that is called back at once', ['resume', 'pause']],
])('what a lost window may have started is looked for by a cancel, also behind %s', async (_next, words) => {
  const { play, scheduled, question, state } = await open({ items, defaults: { model: 'a/b' }, window: 2 });
  await play(answered(scheduled('storeItems')?.seq, [page]));
  const inFlight = { open: [{ index: 0 }], cursor: 1 };
  await play(windowAnswered(scheduled('runWindow')?.seq, inFlight));
  const starting = scheduled('runWindow')?.seq;
  await play(signalled('pause'));
  await play(lost(starting));
  for (const word of words) {
    const calledBack = scheduled('runWindow')?.seq;
    await play(signalled(word));
    await play(windowAnswered(calledBack, inFlight));
  }
  const idle = scheduled('runWindow')?.seq;
  expect(question()).toMatchObject({ mayStart: false, cursor: 1 });
  await play(windowAnswered(idle, inFlight));
  const last = scheduled('runWindow')?.seq;
  await play(signalled('cancel'));
  await play(windowAnswered(last, inFlight));
  const [asked = {}] = scheduled('cancelItems')?.arguments ?? [];
  expect(defaultPayloadConverter.fromPayload(asked)).toMatchObject({ open: [{ index: 0 }], doubtful: [1, 2] });
  await play(answered(scheduled('cancelItems')?.seq, { outcomes: ['not_cancellable', 'cancelled'], started: [1] }));
  await play(answered(scheduled('closeItems')?.seq, { tail: [], page: 1, searchAttributes: [] }));
  const outcome = { ...nothingCancelled, notCancellable: 1, cancelled: 1, neverStarted: 1 };
  expect((await state()).cancel).toMatchObject({ outcome });
});

it('what a lost window may have started is looked for in a pause until all was asked for, and no longer', async () => {
  const { play, scheduled, question, state } = await open({ items, defaults: { model: 'a/b' }, window: 2 });
  await play(answered(scheduled('storeItems')?.seq, [page]));
  const starting = scheduled('runWindow')?.seq;
  await play(signalled('pause'));
  await play(lost(starting));
  expect(question()).toMatchObject({ mayStart: false, cursor: 0, doubtful: [0, 1, 2], pages: [{ page: 0 }] });
  await play(windowAnswered(scheduled('runWindow')?.seq, { isInDoubt: true }));
  expect(question()).toMatchObject({ doubtful: [0, 1, 2] });
  await play(
    windowAnswered(scheduled('runWindow')?.seq, {
      open: [{ index: 1, price: 5 }],
      cursor: 2,
      givenBack: [0],
      isInDoubt: false,
    }),
  );
  expect(question()).toMatchObject({ cursor: 2, givenBack: [0] });
  expect(question()).not.toHaveProperty('doubtful');
  expect((await state()).counts).toMatchObject({ inFlight: 1, waiting: 2 });
  await play(windowAnswered(scheduled('runWindow')?.seq, { cursor: 2, givenBack: [0] }));
  expect(question()).toBeUndefined();
});

it('asks again in a while where a worker of an earlier version, which does not look, has taken the window', async () => {
  const { play, scheduled, question, wait } = await open({ items, defaults: { model: 'a/b' }, window: 2 });
  await play(answered(scheduled('storeItems')?.seq, [page]));
  const starting = scheduled('runWindow')?.seq;
  await play(signalled('pause'));
  await play(lost(starting));
  const seconds = 20;
  for (const isInDoubt of [undefined, undefined, false]) {
    expect(question()).toMatchObject({ doubtful: [0, 1, 2] });
    const told = await play(windowAnswered(scheduled('runWindow')?.seq, isInDoubt === undefined ? {} : { isInDoubt }));
    expect(question()).toBeUndefined();
    const [timer] = told.flatMap(({ startTimer }) => startTimer ?? []);
    expect(timer && msOf(timer.startToFireTimeout)).toBe(isInDoubt === undefined ? seconds * 1_000 : undefined);
    if (!timer) break;
    wait(seconds * 1_000);
    await play({ fireTimer: { seq: timer.seq ?? -1 } });
  }
});

it.each([
  ['a wall', { reason: 'balance', message: 'Insufficient balance' }],
  ['failures', { reason: 'failures', message: '25 failures in a row' }],
] as const)('what the window that a resume called back tells of %s pauses the batch no more', async (_, stop) => {
  const { play, scheduled, question, state } = await open({ items, defaults: { model: 'a/b' }, window: 2 });
  await play(answered(scheduled('storeItems')?.seq, [page]));
  const inFlight = { open: [{ index: 0 }, { index: 1 }], cursor: 2 };
  await play(windowAnswered(scheduled('runWindow')?.seq, { ...inFlight, stop }));
  expect(await state()).toMatchObject({ phase: 'paused', paused: stop });
  const called = scheduled('runWindow');
  expect(question()).toMatchObject({ mayStart: false });

  await play(signalled('resume'));
  const line = { id: 'a', key: 'batch/a', status: 'failed' } as const;
  const ended = [{ index: 0, line, cost: 0 }];
  await play(windowAnswered(called?.seq, { ended, open: [{ index: 1 }], cursor: 2, stop }));
  expect(await state()).toMatchObject({ phase: 'running', counts: { failed: 1 } });
  expect(question()).toMatchObject({ mayStart: true, failuresInARow: 0 });

  await play(windowAnswered(scheduled('runWindow')?.seq, { open: [{ index: 1 }], cursor: 2, stop }));
  expect(await state()).toMatchObject({ phase: 'paused', paused: stop });
});

it('what was given back, and may have been ordered again by a lost attempt, is looked for though none is left behind it', async () => {
  const { play, scheduled, question } = await open({ items, defaults: { model: 'a/b' }, window: 3 });
  await play(answered(scheduled('storeItems')?.seq, [page]));
  const givenBack = { cursor: 3, givenBack: [0, 1, 2] };
  await play(
    windowAnswered(scheduled('runWindow')?.seq, { ...givenBack, stop: { reason: 'balance', message: 'none' } }),
  );
  await play(signalled('resume'));
  const again = scheduled('runWindow')?.seq;
  await play(signalled('pause'));
  await play(windowAnswered(again, { ...givenBack, isFirstAttempt: false }));
  expect(question()).toMatchObject({ mayStart: false, doubtful: [0, 1, 2] });
});
