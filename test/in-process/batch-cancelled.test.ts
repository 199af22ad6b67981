import { defaultPayloadConverter } from '@temporalio/common';
import { expect, it } from 'vitest';
import type { CloseQuestion } from '../../domain/batch/batch-activities.ts';
import { mostStartedBy } from '../../domain/batch/batch-window.ts';
import { nothingCancelled } from '../../domain/batch/batch.ts';
import { answered, batchesByTasks, signalled, updated, windowAnswered } from '../support/batch-in-process.ts';

const open = batchesByTasks();
const window = 5;
const reach = mostStartedBy(window);
const total = 500;

/** A batch with a window out that is cancelled. */
async function cancelled() {
  const batch = await open({ keepOpen: true, defaults: { model: 'a/b' }, window });
  const addedFrom = (from: number) => {
    const page = { from, count: 250, page: from / 250, digest: String(from).padStart(64, '0') };
    return updated('add', page, String(from));
  };
  await batch.play(addedFrom(0));
  const seq = batch.scheduled('runWindow')?.seq;
  await batch.play(addedFrom(250));
  await batch.play(signalled('cancel'));
  const closing = () => {
    const { seq: of, arguments: given } = batch.scheduled('closeItems') ?? {};
    const [question] = given ?? [];
    return { of, question: question && defaultPayloadConverter.fromPayload<CloseQuestion>(question) };
  };
  return { ...batch, window: seq, closing };
}

const written = { tail: [], page: 1, searchAttributes: [] };

it('what no window came to gets its lines while RunComfy is asked for the rest', async () => {
  const { play, scheduled, state, closing, window: seq } = await cancelled();
  await play(windowAnswered(seq, { open: [{ index: 0 }], cursor: 1 }));
  const asking = scheduled('cancelItems')?.seq;
  const { of, question } = closing();
  expect(question).toMatchObject({ from: 1, without: [], others: [] });
  await play(answered(of, written));
  const counts = { total, waiting: 0, inFlight: 1, notStarted: total - 1 };
  expect(await state()).toMatchObject({ phase: 'cancelling', resultPages: 1, counts });
  await play(answered(asking, { outcomes: ['cancelled'], started: [] }));
  expect(closing().question).toBeUndefined();
  const outcome = { ...nothingCancelled, cancelled: 1, neverStarted: total - 1 };
  expect(await state()).toMatchObject({ counts, cancel: { outcome } });
});

it('what a lost window may have started gets its lines once that is known, also where the rest has them later', async () => {
  for (const isAskedFirst of [true, false]) {
    const { play, scheduled, state, closing, window: seq } = await cancelled();
    await play(windowAnswered(seq, { open: [{ index: 0 }], cursor: 2, isFirstAttempt: false }));
    const asking = answered(scheduled('cancelItems')?.seq, { outcomes: ['cancelled', 'cancelled'], started: [3] });
    const { of, question } = closing();
    expect(question).toMatchObject({ from: reach, without: [], others: [] });
    const closed = answered(of, written);
    await play(isAskedFirst ? asking : closed);
    await play(isAskedFirst ? closed : asking);
    expect(closing().question).toMatchObject({
      from: total,
      without: [],
      others: [2, ...Array.from({ length: reach - 4 }, (_, at) => at + 4)],
      page: 1,
    });
    expect((await state()).counts).toMatchObject({ waiting: reach - 2, inFlight: 1, notStarted: total - reach });
    await play(answered(closing().of, written));
    const outcome = { ...nothingCancelled, cancelled: 2, neverStarted: total - 3 };
    const counts = { waiting: 0, inFlight: 2, notStarted: total - 3 };
    expect(await state()).toMatchObject({ counts, cancel: { outcome } });
  }
});
