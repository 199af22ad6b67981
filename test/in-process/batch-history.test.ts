import { expect, it } from 'vitest';
import { answered, batchesByTasks, repliesIn, updated, windowAnswered } from '../support/batch-in-process.ts';

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
