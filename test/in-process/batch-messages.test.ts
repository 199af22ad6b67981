import { defaultPayloadConverter } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { batchLimits, nothingCancelled } from '../../domain/batch/batch.ts';
import type { BatchData } from '../../workflows/batch/memory.ts';
import { msOf } from '../fuzz/pipelines/replay.ts';
import {
  answered,
  batchesByTasks,
  repliesIn,
  signalled,
  updated,
  windowAnswered,
} from '../support/batch-in-process.ts';

const open = batchesByTasks();
const digestOf = (page: number) => page.toString(16).padStart(64, '0');

it('54: an add that is sent again later is answered as it was then, whatever was added since', async () => {
  const { play } = await open({ keepOpen: true, defaults: { model: 'a/b' } });
  const add = { from: 0, count: 100, page: 0, digest: digestOf(0) };
  expect(repliesIn(await play(updated('add', add, 'first')))).toEqual([{ count: 100 }]);
  const next = { from: 100, count: 50, page: 1, digest: digestOf(1) };
  expect(repliesIn(await play(updated('add', next, 'second')))).toEqual([{ count: 150 }]);
  expect(repliesIn(await play(updated('add', add, 'first again')))).toEqual([{ count: 100 }]);
  expect(repliesIn(await play(updated('add', next, 'second again')))).toEqual([{ count: 150 }]);
});

it('takes a page beside items of null, and items beside a page of null', async () => {
  const { play, scheduled } = await open({ keepOpen: true, defaults: { model: 'a/b' } });
  const page = { from: 0, count: 100, page: 0, digest: digestOf(0), items: null };
  for (const id of ['first', 'first again'])
    expect(repliesIn(await play(updated('add', page, id)))).toEqual([{ count: 100 }]);
  const items = { from: 100, items: [{ id: 'a', input: { prompt: 'a' } }], page: null, count: null, digest: null };
  await play(updated('add', items, 'second'));
  const kept = { page: 1, from: 100, count: 1, digest: digestOf(1) };
  const replies = await play(answered(scheduled('storeItems')?.seq, [kept]));
  expect(repliesIn(replies)).toEqual([{ count: 101 }]);
  await play(updated('add', items, 'second again'));
  expect(repliesIn(await play(answered(scheduled('storeItems')?.seq, [kept])))).toEqual([{ count: 101 }]);
});

it('refuses another page once it could no longer be continued with them, and takes the last one sent again', async () => {
  const at = (from: number) => ({ from, count: 1, page: from, digest: digestOf(from) });
  const carried: BatchData = {
    startedAt: new Date(0).toISOString(),
    addedAt: 0,
    inline: [],
    sealed: false,
    window: 20,
    recent: [],
    pages: Array.from({ length: batchLimits.pages }, (_, from) => at(from)),
    cursor: batchLimits.pages,
    reach: batchLimits.pages,
    open: [],
    givenBack: [],
    lines: [],
    linePage: 100,
    spent: 0,
    presumed: 0,
    unpriced: 0,
    ended: { succeeded: batchLimits.pages, failed: 0, cancelled: 0, timedOut: 0, unknown: 0, notStarted: 0 },
    failures: [],
    failuresInARow: 0,
  };
  const { play, state } = await open({ keepOpen: true, defaults: { model: 'a/b' } }, carried);
  const refused = 'a batch has at most 10000 pages of items: add more items at a time';
  const more = updated('add', at(batchLimits.pages), 'more');
  expect(repliesIn(await play(more))).toEqual([refused]);
  const again = updated('add', at(batchLimits.pages - 1), 'again');
  expect(repliesIn(await play(again))).toEqual([{ count: batchLimits.pages }]);
  expect((await state()).counts.total).toBe(batchLimits.pages);
});

it('lists tell a pause, a resume and what was told before it waits at once, and what is presumed counts beside what is spent', async () => {
  const items = ['a', 'b'].map((id) => ({ id, input: { prompt: id } }));
  const { play, scheduled, memo, state } = await open({
    items,
    keepOpen: true,
    defaults: { model: 'a/b' },
    maxCostUsd: 2,
  });
  await play(answered(scheduled('storeItems')?.seq, [{ page: 0, from: 0, count: 2, digest: digestOf(0) }]));
  const stop = { reason: 'max_cost', message: 'b could take the cost above the limit' } as const;
  const line = { id: 'a', key: 'batch/a', status: 'succeeded' } as const;
  const ended = [{ index: 0, line, cost: 1_500_000, known: 500_000, presumed: true as const }];
  await play(windowAnswered(scheduled('runWindow')?.seq, { ended, cursor: 1, stop }));
  expect(memo()).toMatchObject({ phase: 'paused', counts: { succeeded: 1 }, costUsd: 0.5, presumedUsd: 1 });
  expect((await state()).money).toMatchObject({ spentUsd: 0.5, presumedUsd: 1, maxCostUsd: 2 });
  await play(signalled('resume'));
  expect(memo()).toMatchObject({ phase: 'running' });
  const last = [{ index: 1, line: { ...line, id: 'b' }, cost: 0 }];
  await play(windowAnswered(scheduled('runWindow')?.seq, { ended: last, cursor: 2 }));
  expect(memo()).toMatchObject({ phase: 'running', counts: { succeeded: 2 } });
  await play(signalled('pause'));
  expect(memo()).toMatchObject({ phase: 'paused' });
  await play(signalled('pause'));
  expect(memo()).toBeUndefined();
});

it('the memo of a batch that was cancelled tells what became of that', async () => {
  const { play, scheduled, memo } = await open({ keepOpen: true, defaults: { model: 'a/b' } });
  await play(updated('add', { from: 0, count: 2, page: 0, digest: digestOf(0) }, 'add'));
  const window = scheduled('runWindow')?.seq;
  await play(signalled('cancel'));
  expect(memo()).toMatchObject({ phase: 'cancelling' });
  await play(windowAnswered(window, { open: [{ index: 0 }], cursor: 1 }));
  const closing = scheduled('closeItems')?.seq;
  await play(answered(scheduled('cancelItems')?.seq, { outcomes: ['cancelled'], started: [] }));
  const written = { tail: [], page: 1, searchAttributes: [] };
  await play(answered(closing, written));
  const line = { id: 'a', key: 'batch/a', status: 'cancelled' } as const;
  await play(windowAnswered(scheduled('runWindow')?.seq, { ended: [{ index: 0, line, cost: 0 }], cursor: 2 }));
  await play(answered(scheduled('closeItems')?.seq, written));
  const outcome = { ...nothingCancelled, cancelled: 1, neverStarted: 1 };
  expect(memo()).toMatchObject({ phase: 'cancelled', cancel: { outcome } });
});

it('refuses an update `cancel` that says what it does not know, and takes the same as a signal', async () => {
  const { play, state } = await open({ keepOpen: true, defaults: { model: 'a/b' } });
  const misspelt = { detatch: true };
  const says = '$.detatch: unknown field; cancel has reason, detach';
  expect(repliesIn(await play(updated('cancel', misspelt, 'cancel')))).toEqual([expect.stringContaining(says)]);
  expect(await state()).toMatchObject({ phase: 'running' });
  await play(signalled('cancel', misspelt));
  expect(await state()).toMatchObject({ phase: 'cancelling', cancel: { requestedAt: expect.any(String) as string } });
});

it('a cancel waits for a worker that asks, however long none is there', async () => {
  const { play, scheduled } = await open({ keepOpen: true, defaults: { model: 'a/b' } });
  await play(updated('add', { from: 0, count: 1, page: 0, digest: digestOf(0) }, 'add'));
  const window = scheduled('runWindow')?.seq;
  await play(signalled('cancel'));
  await play(windowAnswered(window, { open: [{ index: 0 }], cursor: 1 }));
  const { scheduleToCloseTimeout, scheduleToStartTimeout, startToCloseTimeout } = scheduled('cancelItems') ?? {};
  expect([scheduleToCloseTimeout ?? 'never', scheduleToStartTimeout ?? 'never']).toEqual(['never', 'never']);
  expect(msOf(startToCloseTimeout)).toBe(15 * 60_000);
});

it.each([
  ['after a day', undefined, 24 * 60 * 60 * 1_000],
  ['after as long as it was told', 60_000, 60_000],
])('an open batch in which nothing happens any more seals itself %s, and ends', async (_after, openForMs, expected) => {
  const request = { keepOpen: true, defaults: { model: 'a/b' }, ...(openForMs !== undefined && { openForMs }) };
  const { play, scheduled, state, wait } = await open(request);
  const timerIn = (commands: Awaited<ReturnType<typeof play>>) =>
    commands.flatMap(({ startTimer }) => startTimer ?? []).at(-1);
  wait(10_000);
  await play(updated('add', { from: 0, count: 1, page: 0, digest: digestOf(0) }, 'add'));
  wait(20_000);
  const line = { id: 'a', key: 'batch/a', status: 'succeeded' } as const;
  const ended = [{ index: 0, line, cost: 0 }];
  const timer = timerIn(await play(windowAnswered(scheduled('runWindow')?.seq, { ended, cursor: 1 })));
  // Counted from the end of what was added last.
  expect(msOf(timer?.startToFireTimeout)).toBe(expected);
  expect(await state()).toMatchObject({ phase: 'running', sealed: false });
  wait(expected);
  await play({ fireTimer: { seq: timer?.seq ?? -1 } });
  expect(await state()).toMatchObject({ phase: 'running', sealed: true });
  const written = { tail: [], page: 1, searchAttributes: [] };
  const last = await play(answered(scheduled('closeItems')?.seq, written));
  expect(last.some(({ completeWorkflowExecution }) => completeWorkflowExecution)).toBe(true);
  expect(await state()).toMatchObject({ phase: 'succeeded', counts: { total: 1, succeeded: 1 } });
});

it('an open batch does not seal itself while what was added in time is still being kept', async () => {
  const { play, scheduled, state, wait, question } = await open({
    keepOpen: true,
    defaults: { model: 'a/b' },
    openForMs: 60_000,
  });
  const timersIn = (commands: Awaited<ReturnType<typeof play>>) =>
    commands.flatMap(({ startTimer }) => startTimer ?? []);
  const first = await play(updated('add', { from: 0, count: 1, page: 0, digest: digestOf(0) }, 'first'));
  expect(repliesIn(first)).toEqual([{ count: 1 }]);
  const line = { id: 'a', key: 'batch/a', status: 'succeeded' } as const;
  const ended = [{ index: 0, line, cost: 0 }];
  const [timer] = timersIn(await play(windowAnswered(scheduled('runWindow')?.seq, { ended, cursor: 1 })));
  wait(50_000);
  await play(updated('add', { from: 1, items: [{ id: 'b', input: { prompt: 'b' } }] }, 'second'));
  const store = scheduled('storeItems')?.seq;
  // Its worker is lost, and another one comes after the batch would have sealed itself.
  wait(40_000);
  expect(timersIn(await play({ fireTimer: { seq: timer?.seq ?? -1 } }))).toEqual([]);
  expect(await state()).toMatchObject({ phase: 'running', sealed: false });
  const kept = await play(answered(store, [{ page: 1, from: 1, count: 1, digest: digestOf(1) }]));
  expect(repliesIn(kept)).toEqual([{ count: 2 }]);
  expect(question()).toMatchObject({ total: 2, cursor: 1 });
  const more = [{ index: 1, line: { ...line, id: 'b' }, cost: 0 }];
  const [next] = timersIn(await play(windowAnswered(scheduled('runWindow')?.seq, { ended: more, cursor: 2 })));
  expect(msOf(next?.startToFireTimeout)).toBe(60_000);
});

it('an open batch does not seal itself while items wait for a person to resume it', async () => {
  const { play, scheduled, state, wait, question } = await open({
    keepOpen: true,
    defaults: { model: 'a/b' },
    openForMs: 60_000,
  });
  const timerIn = (commands: Awaited<ReturnType<typeof play>>) =>
    commands.flatMap(({ startTimer }) => startTimer ?? []).at(-1);
  await play(updated('add', { from: 0, count: 1, page: 0, digest: digestOf(0) }, 'add'));
  const stop = { reason: 'balance', message: 'empty' } as const;
  const timer = timerIn(await play(windowAnswered(scheduled('runWindow')?.seq, { givenBack: [0], cursor: 1, stop })));
  wait(60_000);
  await play({ fireTimer: { seq: timer?.seq ?? -1 } });
  expect(await state()).toMatchObject({ phase: 'paused', sealed: false, counts: { waiting: 1 } });
  wait(60_000);
  await play(signalled('resume'));
  expect(question()).toMatchObject({ mayStart: true, givenBack: [0] });
  const line = { id: 'a', key: 'batch/a', status: 'succeeded' } as const;
  const ended = [{ index: 0, line, cost: 0 }];
  const next = timerIn(await play(windowAnswered(scheduled('runWindow')?.seq, { ended, cursor: 1 })));
  expect(msOf(next?.startToFireTimeout)).toBe(60_000);
});

describe('a batch that Temporal retries', () => {
  const items = ['a', 'b', 'c'].map((id) => ({ id, input: { prompt: id } }));
  const page = { page: 0, from: 0, count: 3, digest: digestOf(0) };
  const request = { items, defaults: { model: 'a/b' } };
  const retried = { continuedFromExecutionRunId: 'before', attempt: 2 };
  const reason = 'restarted';

  it('orders nothing until a person resumes it, and follows what was ordered before', async () => {
    const { play, scheduled, state, question } = await open(request, undefined, retried);
    expect((await state()).paused).toMatchObject({
      reason,
      message: expect.stringContaining('a workflow retry policy (attempt 2)') as string,
    });
    await play(answered(scheduled('storeItems')?.seq, [page]));
    expect(question()).toMatchObject({ mayStart: false, doubtful: [0, 1, 2] });
    const line = { id: 'a', key: 'batch/a', status: 'succeeded' } as const;
    const found = { ended: [{ index: 0, line, cost: 0 }], open: [{ index: 1 }], cursor: 2, isInDoubt: false };
    await play(windowAnswered(scheduled('runWindow')?.seq, found));
    expect(await state()).toMatchObject({ phase: 'paused', counts: { succeeded: 1, inFlight: 1, waiting: 1 } });
    const looking = scheduled('runWindow')?.seq;
    expect(question()).toMatchObject({ mayStart: false, open: [{ index: 1 }] });
    await play(signalled('resume'));
    await play(windowAnswered(looking, { open: [{ index: 1 }], cursor: 2 }));
    expect(question()).toMatchObject({ mayStart: true, cursor: 2 });
  });

  it('with what an earlier run had handed on orders nothing either; what the run before hands on counts', async () => {
    const first = await open({ keepOpen: true, defaults: { model: 'a/b' } });
    await first.play(updated('add', { from: 0, count: 3, page: 0, digest: digestOf(0) }, 'add'));
    first.hear({ isContinueAsNewSuggested: true });
    const commands = await first.play(windowAnswered(first.scheduled('runWindow')?.seq, { cursor: 1 }));
    const [, payload] = commands.flatMap(({ continueAsNewWorkflowExecution: next }) => next ?? [])[0]?.arguments ?? [];
    const carried = defaultPayloadConverter.fromPayload<BatchData & { handedOnBy: string }>(payload ?? {});
    const { handedOnBy: continuedFromExecutionRunId } = carried;
    expect((await (await open(request, carried, { continuedFromExecutionRunId })).state()).paused).toBeNull();
    // An older version hands on what it was handed as it came: the name of the run before it, too.
    expect((await (await open(request, carried, { continuedFromExecutionRunId: 'older' })).state()).paused).toBeNull();
    const { state, question } = await open(request, carried, retried);
    expect(await state()).toMatchObject({ phase: 'paused', paused: { reason }, counts: { total: 3 } });
    expect(question()).toMatchObject({ mayStart: false, doubtful: [1, 2] });
  });
});

describe('the rate of a batch', () => {
  const line = { id: 'a', key: 'batch/a', status: 'succeeded' } as const;
  const endedAt = (...indices: number[]) => indices.map((index) => ({ index, line, cost: 0 }));

  it('is of what ended in its last windows, and tells when the rest will have', async () => {
    const { play, scheduled, state, wait } = await open({ keepOpen: true, defaults: { model: 'a/b' } });
    await play(updated('add', { from: 0, count: 11, page: 0, digest: digestOf(0) }, 'add'));
    const next = async (afterMs: number, cursor: number, ...indices: number[]) => {
      wait(afterMs);
      await play(windowAnswered(scheduled('runWindow')?.seq, { ended: endedAt(...indices), cursor }));
      return (await state()).rate;
    };
    const { startedAt } = await state();
    const after = (ms: number) => new Date(Date.parse(startedAt) + ms).toISOString();
    // One window is no stretch of time.
    expect(await next(5_000, 2, 0, 1)).toBeUndefined();
    expect(await next(30_000, 5, 2, 3, 4)).toEqual({ perMinute: 6, etaAt: after(35_000 + 60_000) });
    expect(await next(60_000, 6, 5)).toEqual({ perMinute: 2.7, etaAt: after(95_000 + (5 / 2.7) * 60_000) });
    for (let windows = 0; windows < 9; windows += 1) await next(20_000, 6);
    expect(await next(20_000, 6)).toEqual({ perMinute: 0 });
    expect(await next(20_000, 11, 6, 7, 8, 9, 10)).toEqual({ perMinute: 1.7 });
  });
});
