import { expect, it } from 'vitest';
import type { PageOfItems } from '../../domain/batch/batch-page.ts';
import { msOf } from '../fuzz/pipelines/replay.ts';
import {
  answered,
  batchesByTasks,
  failedByHand,
  givenUp,
  repliesIn,
  signalled,
  updated,
  windowAnswered,
} from '../support/batch-in-process.ts';
import type { Command } from '../support/workflow-sandbox.ts';

const items = ['a', 'b', 'c'].map((id) => ({ id, input: { prompt: id } }));
const page: PageOfItems = { page: 0, from: 0, count: items.length, digest: '0'.repeat(64) };
const request = { items, defaults: { model: 'a/b' }, window: 2 };
const lateHeartbeat = { message: 'activity Heartbeat timeout', timeoutFailureInfo: { timeoutType: 4 } };
const line = { key: 'batch/a', status: 'succeeded' } as const;
const allEnded = { ended: items.map(({ id }, index) => ({ index, line: { ...line, id }, cost: 0 })), cursor: 3 };

const open = batchesByTasks();
type Batch = Awaited<ReturnType<typeof open>>;

/** Lets the pause end that this task began, and tells how long it was. */
async function waitOut({ play, wait }: Batch, commands: Command[]): Promise<number | undefined> {
  expect(commands.some(({ failWorkflowExecution }) => failWorkflowExecution)).toBe(false);
  const [timer] = commands.flatMap(({ startTimer }) => startTimer ?? []);
  const ms = timer && msOf(timer.startToFireTimeout);
  wait(ms ?? 0);
  await play({ fireTimer: { seq: timer?.seq ?? -1 } });
  return ms;
}

it('a window that is given up ends no batch: after a pause that grows the next one finds what it had started', async () => {
  const batch = await open(request);
  const { play, scheduled, question, state } = batch;
  await play(answered(scheduled('storeItems')?.seq, [page]));
  const paused: (number | undefined)[] = [];
  for (const cause of [failedByHand(), lateHeartbeat]) {
    const told = await play(givenUp(scheduled('runWindow')?.seq, cause));
    expect(question()).toBeUndefined();
    paused.push(await waitOut(batch, told));
    expect(question()).toMatchObject({ cursor: 0, open: [], mayStart: true });
  }
  expect(paused).toEqual([1_000, 2_000]);
  await play(windowAnswered(scheduled('runWindow')?.seq, { open: [{ index: 0 }], cursor: 1 }));
  expect(await state()).toMatchObject({ phase: 'running', counts: { inFlight: 1, waiting: 2 } });
  expect(await waitOut(batch, await play(givenUp(scheduled('runWindow')?.seq)))).toBe(1_000);
});

it('what is said while the next window is waited for is heard at once, and what was started is looked for', async () => {
  const { play, scheduled, question } = await open(request);
  await play(answered(scheduled('storeItems')?.seq, [page]));
  await play(givenUp(scheduled('runWindow')?.seq));
  await play(signalled('pause'));
  expect(question()).toMatchObject({ mayStart: false, doubtful: [0, 1, 2] });
});

it('what a batch keeps in Temporal is written again where that was given up', async () => {
  const batch = await open({ ...request, keepOpen: true });
  const { play, scheduled, state } = batch;
  const isStored = await play(givenUp(scheduled('storeItems')?.seq));
  expect(await waitOut(batch, isStored)).toBe(1_000);
  await play(answered(scheduled('storeItems')?.seq, [page]));
  await play(windowAnswered(scheduled('runWindow')?.seq, allEnded));

  const more = { from: 3, items: [{ id: 'd', input: { prompt: 'd' } }] };
  await play(updated('add', more, 'add'));
  await waitOut(batch, await play(givenUp(scheduled('storeItems')?.seq)));
  const added = await play(answered(scheduled('storeItems')?.seq, [{ ...page, page: 1, from: 3, count: 1 }]));
  expect(repliesIn(added)).toEqual([{ count: 4 }]);
  const last = { index: 3, line: { ...line, id: 'd' }, cost: 0 };
  await play(windowAnswered(scheduled('runWindow')?.seq, { ended: [last], cursor: 4 }));

  await play(updated('seal', {}, 'seal'));
  await waitOut(batch, await play(givenUp(scheduled('closeItems')?.seq)));
  const written = { tail: [], page: 1, searchAttributes: [] };
  const closed = await play(answered(scheduled('closeItems')?.seq, written));
  expect(closed.some(({ completeWorkflowExecution }) => completeWorkflowExecution)).toBe(true);
  expect(await state()).toMatchObject({ phase: 'succeeded', counts: { succeeded: 4 } });
});

it('what an activity says itself, and for good, is its answer', async () => {
  const { play, scheduled } = await open(request);
  await play(answered(scheduled('storeItems')?.seq, [page]));
  const commands = await play(givenUp(scheduled('runWindow')?.seq, failedByHand('InvalidInput')));
  expect(commands.some(({ failWorkflowExecution }) => failWorkflowExecution)).toBe(true);
});
