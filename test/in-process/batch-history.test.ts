import { defaultPayloadConverter } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { batchLimits, type BatchLine } from '../../domain/batch/batch.ts';
import type { BatchData } from '../../workflows/batch/memory.ts';
import {
  answered,
  batchesByTasks,
  repliesIn,
  signalled,
  updated,
  windowAnswered,
} from '../support/batch-in-process.ts';
import type { Command, Job } from '../support/workflow-sandbox.ts';

const open = batchesByTasks();
type Batch = Awaited<ReturnType<typeof open>>;

const digestOf = (page: number) => page.toString(16).padStart(64, '0');
const request = { keepOpen: true, defaults: { model: 'a/b' } };
const mebibyte = 1024 * 1024;
/** What an `add` of 1 MiB leaves: the update, and what the activity is asked that keeps its items. */
const bytesOfAdd = 2.1 * mebibyte;

/** A batch with more items than its window holds, whose window is out. */
async function crowded() {
  const batch = await open(request);
  await batch.play(updated('add', { from: 0, count: 100, page: 0, digest: digestOf(0) }, 'first'));
  return { ...batch, window: batch.scheduled('runWindow')?.seq };
}

const itemAt = (from: number) => [{ id: String(from), input: { prompt: 'a' } }];

async function add({ play, scheduled }: Batch, from: number, page: number) {
  await play(updated('add', { from, items: itemAt(from) }, `add ${String(from)} ${String(page)}`));
  return await play(answered(scheduled('storeItems')?.seq, [{ page, from, count: 1, digest: digestOf(page) }]));
}

it('a window is called back where what is added makes the history long, and the batch continues', async () => {
  const { window, ...batch } = await crowded();
  const calledBackAt: number[] = [];
  let continued = false;
  for (let at = 1; at <= 30 && !continued; at += 1) {
    batch.hear({ historySize: at * bytesOfAdd });
    const commands = await add(batch, 99 + at, at);
    expect(repliesIn(commands)).toEqual([{ count: 100 + at }]);
    if (commands.some(({ requestCancelActivity }) => requestCancelActivity?.seq === window)) {
      calledBackAt.push(at);
      // It comes back while more is being added.
      await batch.play(updated('add', { from: 100 + at, items: itemAt(100 + at) }, 'meanwhile'));
      const store = batch.scheduled('storeItems')?.seq;
      await batch.play(windowAnswered(window, { open: [{ index: 0 }], cursor: 1 }));
      expect(batch.question()).toBeUndefined();
      const kept = [{ page: at + 1, from: 100 + at, count: 1, digest: digestOf(at + 1) }];
      const last = await batch.play(answered(store, kept));
      expect(repliesIn(last)).toEqual([{ count: 101 + at }]);
      continued = last.some(({ continueAsNewWorkflowExecution }) => continueAsNewWorkflowExecution);
    }
  }
  expect({ calledBackAt, continued }).toEqual({ calledBackAt: [1], continued: true });
});

it.each([
  ['is sent again', digestOf(1), { count: 101 }],
  ['fits nowhere', digestOf(9), 'items from 100 on fit nowhere: the batch has 101'],
])('a window is called back as well where what makes the history long %s', async (_what, digest, reply) => {
  const { window, ...batch } = await crowded();
  await add(batch, 100, 1);
  batch.hear({ historySize: 3 * mebibyte });
  await batch.play(updated('add', { from: 100, items: itemAt(100) }, 'again'));
  const store = batch.scheduled('storeItems')?.seq;
  const commands = await batch.play(answered(store, [{ page: 2, from: 100, count: 1, digest }]));
  expect(repliesIn(commands)).toEqual([reply]);
  expect(commands.some(({ requestCancelActivity }) => requestCancelActivity?.seq === window)).toBe(true);
});

it.each([
  ['short', 1 * mebibyte, false],
  ['long, of a run of an earlier version', 3 * mebibyte, true],
])(
  'a window that has enough to do is not called back where the history is %s',
  async (_how, historySize, isReplaying) => {
    const batch = await crowded();
    batch.hear({ historySize, isReplaying });
    const commands = await add(batch, 100, 1);
    expect(commands.map((command) => Object.keys(command))).toEqual([['updateResponse']]);
  },
);

it('two who add at a time hold a batch up for a while, until what they add is refused and it continues', async () => {
  const { window, ...batch } = await crowded();
  let historySize = 3 * mebibyte;
  const heard: unknown[] = [];
  const stores: (number | null | undefined)[] = [];
  const batchIs = { continued: false };
  const play = async (...jobs: Job[]) => {
    batch.hear({ historySize });
    const commands = await batch.play(...jobs);
    heard.push(...repliesIn(commands));
    const store = batch.scheduled('storeItems')?.seq;
    if (store) stores.push(store);
    batchIs.continued ||= commands.some(({ continueAsNewWorkflowExecution }) => continueAsNewWorkflowExecution);
  };
  const sends = (who: string, from: number) => {
    historySize += mebibyte / 2;
    return play(updated('add', { from, items: itemAt(from) }, `${who} ${String(from)}`));
  };
  await sends('a', 100);
  await play(windowAnswered(window, { open: [{ index: 0 }], cursor: 1 }));
  for (let from = 100; from < 140 && !batchIs.continued; from += 1) {
    await sends('b', from);
    await play(answered(stores.shift(), [{ page: from, from, count: 1, digest: digestOf(from) }]));
    // Its next comes before the other one was compared with what is there.
    await sends('a', from + 1);
    await play(answered(stores.shift(), [{ page: from, from, count: 1, digest: digestOf(from + 9_000) }]));
  }
  expect(batchIs.continued).toBe(true);
  expect(historySize).toBeLessThan(12 * mebibyte);
  expect(heard).toContain('more is added at a time than the batch takes now: send the same again in a moment');
});

const argumentsOf = (commands: Command[]) =>
  commands.flatMap(({ continueAsNewWorkflowExecution }) => continueAsNewWorkflowExecution?.arguments ?? []);

describe('a batch as large as it may be', () => {
  const lineOf = (index: number, bytes: number): BatchLine => {
    const line = { id: String(index), key: `batch/${String(index)}`, status: 'succeeded' as const, requestId: 'r' };
    const given = { ...line, outputs: { text: '' } };
    return { ...given, outputs: { text: 'x'.repeat(bytes - JSON.stringify(given).length) } };
  };
  const linesOf = (count: number, bytes: number, from = 0) =>
    Array.from({ length: count }, (_, at) => lineOf(from + at, bytes));
  const endedFrom = (from: number, count: number, bytes: number) =>
    linesOf(count, bytes, from).map((line, at) => ({ index: from + at, line, cost: 0 }));

  /** So many pages of ten items, of which the first have ended: no page holds their lines yet. */
  function carriedWith(pages: number, lines: BatchLine[]): BatchData {
    const count = 10;
    const ended = { succeeded: lines.length, failed: 0, cancelled: 0, timedOut: 0, unknown: 0, notStarted: 0 };
    return {
      startedAt: new Date(0).toISOString(),
      addedAt: 0,
      inline: [],
      sealed: false,
      window: 500,
      recent: [],
      pages: Array.from({ length: pages }, (_, at) => ({
        page: 90_000 + at,
        from: at * count,
        count,
        digest: digestOf(at),
      })),
      cursor: lines.length,
      reach: lines.length,
      open: [],
      givenBack: [],
      lines,
      linePage: 100,
      spent: 0,
      presumed: 0,
      unpriced: 0,
      ended,
      failures: [],
      failuresInARow: 0,
    };
  }

  const bytesOf = (payloads: { data?: Uint8Array | null }[] | null | undefined) =>
    (payloads ?? []).reduce((sum, { data }) => sum + (data?.length ?? 0), 0);
  const argumentBytesIn = (commands: Command[]) =>
    commands.flatMap(({ scheduleActivity, continueAsNewWorkflowExecution }) => {
      const args = (scheduleActivity ?? continueAsNewWorkflowExecution)?.arguments;
      return args ? [bytesOf(args)] : [];
    });
  const expectTaken = (commands: Command[]) => {
    for (const bytes of argumentBytesIn(commands)) expect(bytes).toBeLessThan(2 * mebibyte - 10_000);
  };

  it('continues as new: of its largest lines as many are cut as it takes', async () => {
    const small = linesOf(9, 500, 90);
    const batch = await open(
      request,
      carriedWith(batchLimits.pages, [...linesOf(90, batchLimits.lineBytes), ...small]),
    );
    const window = batch.scheduled('runWindow')?.seq;
    batch.hear({ historySize: 3 * mebibyte });
    await batch.play(signalled('pause'));
    const commands = await batch.play(windowAnswered(window, { cursor: 99 }));
    expectTaken(commands);
    const [, payload] = argumentsOf(commands);
    const carried = payload && defaultPayloadConverter.fromPayload<BatchData>(payload);
    expect(carried?.pages).toHaveLength(batchLimits.pages);
    expect(carried?.lines.map(({ id }) => id)).toEqual(Array.from({ length: 99 }, (_, at) => String(at)));
    expect(carried?.lines.slice(90)).toEqual(small);
    const cut = carried?.lines.filter(({ truncated }) => truncated) ?? [];
    expect(cut[0]).toEqual({ id: '0', key: 'batch/0', status: 'succeeded', requestId: 'r', truncated: true });
    // One fewer would be too much.
    expect(bytesOf(argumentsOf(commands)) + batchLimits.lineBytes).toBeGreaterThan(2 * mebibyte - 17_000);
  });

  it('is cancelled: what fills a page is written before what waits gets its lines', async () => {
    const batch = await open(request, carriedWith(batchLimits.pages, linesOf(99, batchLimits.lineBytes)));
    const window = batch.scheduled('runWindow')?.seq;
    await batch.play(signalled('cancel'));
    const ended = endedFrom(99, 16, batchLimits.lineBytes);
    expectTaken(await batch.play(windowAnswered(window, { ended, cursor: 115 })));
    const writing = batch.scheduled('closeItems')?.seq;
    await batch.play(answered(batch.scheduled('cancelItems')?.seq, { outcomes: [], started: [] }));
    const tail = ended.slice(1).map(({ line }) => line);
    const written = { tail, page: 101, searchAttributes: [] };
    expectTaken(await batch.play(answered(writing, written)));
    const closed = { tail: [], page: 1_100, searchAttributes: [] };
    const last = await batch.play(answered(batch.scheduled('closeItems')?.seq, closed));
    expect(last.some(({ completeWorkflowExecution }) => completeWorkflowExecution)).toBe(true);
    const { phase, counts } = await batch.state();
    expect({ phase, counts }).toMatchObject({ phase: 'cancelled', counts: { succeeded: 115, notStarted: 99_885 } });
  });

  it('goes on: lines of several pages are written before the window that large defaults go with', async () => {
    const defaults = { model: 'a/b', input: { prompt: 'x'.repeat(batchLimits.defaultsBytes - 100) } };
    const batch = await open({ ...request, defaults }, carriedWith(100, linesOf(99, batchLimits.lineBytes)));
    const ended = endedFrom(99, 250, 1_040);
    const inFlight = Array.from({ length: batchLimits.window }, (_, at) => ({ index: 349 + at, price: 1_250_000 }));
    expectTaken(
      await batch.play(windowAnswered(batch.scheduled('runWindow')?.seq, { ended, open: inFlight, cursor: 849 })),
    );
    expect(batch.scheduled('runWindow')).toBeUndefined();
    const tail = ended.slice(-49).map(({ line }) => line);
    const written = { tail, page: 103, searchAttributes: [] };
    expectTaken(await batch.play(answered(batch.scheduled('closeItems')?.seq, written)));
    expect(batch.question()).toMatchObject({ cursor: 849, write: [] });
    expect(await batch.state()).toMatchObject({ resultPages: 103, counts: { succeeded: 349, inFlight: 500 } });
  });

  it('goes on where a window brought more lines than Temporal takes at once: they are written page by page', async () => {
    const batch = await open(request, carriedWith(100, linesOf(99, batchLimits.lineBytes)));
    const ended = endedFrom(99, 160, batchLimits.lineBytes);
    expectTaken(await batch.play(windowAnswered(batch.scheduled('runWindow')?.seq, { ended, cursor: 259 })));
    for (const page of [101, 102]) {
      expect(batch.question()).toBeUndefined();
      const written = { tail: [], page, searchAttributes: [] };
      expectTaken(await batch.play(answered(batch.scheduled('closeItems')?.seq, written)));
    }
    expect(batch.question()).toMatchObject({ cursor: 259, write: [] });
    const { resultPages, counts } = await batch.state();
    expect({ resultPages, counts }).toMatchObject({ resultPages: 102, counts: { succeeded: 259 } });
    expect((await batch.tail()).map(({ id }) => id)).toEqual(Array.from({ length: 59 }, (_, at) => String(200 + at)));
  });

  it.each([
    ['page by page', 160, [101, 102]],
    ['at once, where an earlier version had asked for that', 120, [102]],
  ])('ends with lines of several pages, which are written %s', async (_how, count, pages) => {
    const carried = carriedWith(count / 10, linesOf(99, batchLimits.lineBytes));
    const batch = await open(request, { ...carried, sealed: true });
    const ended = endedFrom(99, count - 99, batchLimits.lineBytes);
    let commands = await batch.play(windowAnswered(batch.scheduled('runWindow')?.seq, { ended, cursor: count }));
    for (const page of pages) {
      expectTaken(commands);
      const written = { tail: [], page, searchAttributes: [] };
      commands = await batch.play(answered(batch.scheduled('closeItems')?.seq, written));
    }
    expect(commands.some(({ completeWorkflowExecution }) => completeWorkflowExecution)).toBe(true);
    expect(await batch.state()).toMatchObject({ phase: 'succeeded', resultPages: 102 });
  });

  it('asks for what it did where a run of an earlier version is replayed', async () => {
    const batch = await open(request, carriedWith(100, linesOf(99, batchLimits.lineBytes)));
    const window = batch.scheduled('runWindow')?.seq;
    batch.hear({ isReplaying: true });
    const ended = endedFrom(99, 1, batchLimits.lineBytes);
    const next = batch.play(windowAnswered(window, { ended, cursor: 100 }));
    expect(
      (await next).flatMap(({ setPatchMarker, scheduleActivity }) => setPatchMarker ?? scheduleActivity?.activityType),
    ).toEqual(['runWindow']);
    const asked = batch.scheduled('runWindow')?.seq;
    await batch.play(signalled('cancel'));
    await batch.play(windowAnswered(asked, { ended: endedFrom(100, 115, batchLimits.lineBytes), cursor: 215 }));
    await batch.play(answered(batch.scheduled('cancelItems')?.seq, { outcomes: [], started: [] }));
    expect(bytesOf(batch.scheduled('closeItems')?.arguments)).toBeGreaterThan(1_800_000);
  });
});
