import { defaultPayloadConverter } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import type { CancelItemsQuestion } from '../../domain/batch/batch-activities.ts';
import { nothingCancelled } from '../../domain/batch/batch.ts';
import type { BatchData } from '../../workflows/batch/memory.ts';
import { msOf } from '../fuzz/pipelines/replay.ts';
import { answered, batchesByTasks, signalled, updated, windowAnswered } from '../support/batch-in-process.ts';
import type { Command } from '../support/workflow-sandbox.ts';

const open = batchesByTasks();
const digestOf = (page: number) => page.toString(16).padStart(64, '0');

describe('a batch that Temporal retries with pages of more than it looks for at once', () => {
  const count = 250;
  const pages = Array.from({ length: 10 }, (_, number) => ({
    page: number,
    from: number * count,
    count,
    digest: digestOf(number),
  }));
  const [total, part] = [pages.length * count, 1_000];
  const begin = async () => {
    const first = await open({ keepOpen: true, defaults: { model: 'a/b' } });
    await first.play(updated('add', pages[0], 'add'));
    first.hear({ isContinueAsNewSuggested: true });
    const commands = await first.play(windowAnswered(first.scheduled('runWindow')?.seq, { cursor: 0 }));
    const [, payload] = commands.flatMap(({ continueAsNewWorkflowExecution: next }) => next ?? [])[0]?.arguments ?? [];
    const carried = defaultPayloadConverter.fromPayload<BatchData>(payload ?? {});
    const retried = { continuedFromExecutionRunId: 'before', attempt: 2 };
    return await open({ keepOpen: true, defaults: { model: 'a/b' } }, { ...carried, pages }, retried);
  };
  const from = (index: number) => Array.from({ length: Math.min(part, total - index) }, (_, at) => index + at);

  it('looks for all of them, a thousand at a time', async () => {
    const { play, scheduled, question, state } = await begin();
    expect(question()?.doubtful).toEqual(from(0));
    await play(windowAnswered(scheduled('runWindow')?.seq, { isInDoubt: false }));
    expect(question()?.doubtful).toEqual(from(1_000));
    const found = { open: [{ index: 1_200 }], cursor: 1_201, givenBack: Array.from({ length: 1_200 }, (_, at) => at) };
    await play(windowAnswered(scheduled('runWindow')?.seq, { ...found, isInDoubt: false }));
    expect(question()?.doubtful).toEqual(from(2_000));
    await play(windowAnswered(scheduled('runWindow')?.seq, { ...found, isInDoubt: false }));
    expect(question()).not.toHaveProperty('doubtful');
    expect(await state()).toMatchObject({ phase: 'paused', counts: { total, inFlight: 1, waiting: total - 1 } });
  });

  it('asks for all of them where it is cancelled, before it tells one as not started', async () => {
    const { play, scheduled, state } = await begin();
    const looking = scheduled('runWindow')?.seq;
    await play(signalled('cancel'));
    await play(windowAnswered(looking, { isInDoubt: true }));
    for (const index of [0, 1_000, 2_000]) {
      const [asked = {}] = scheduled('cancelItems')?.arguments ?? [];
      expect(defaultPayloadConverter.fromPayload(asked)).toMatchObject({ open: [], doubtful: from(index) });
      const started = index === 2_000 ? [2_400] : [];
      await play(answered(scheduled('cancelItems')?.seq, { outcomes: started.map(() => 'too_late'), started }));
    }
    const [closed = {}] = scheduled('closeItems')?.arguments ?? [];
    expect(defaultPayloadConverter.fromPayload(closed)).toMatchObject({ from: 0, without: [2_400] });
    await play(answered(scheduled('closeItems')?.seq, { tail: [], page: 25, searchAttributes: [] }));
    const outcome = { ...nothingCancelled, tooLate: 1, neverStarted: total - 1 };
    expect(await state()).toMatchObject({ cancel: { outcome }, counts: { inFlight: 1 } });
  });
});

describe('a batch that is run again under its key', () => {
  const [total, part] = [1_200, 1_000];
  const items = Array.from({ length: 4 }, (_, at) => ({ id: `inline-${String(at)}` }));
  const pages = [{ page: 0, from: 0, count: 4, digest: digestOf(0) }];
  const more = Array.from({ length: 6 }, (_, at) => ({
    page: at + 1,
    from: 4 + at * 200,
    count: at < 5 ? 200 : 196,
    digest: digestOf(at + 1),
  }));
  const begin = async (memo?: Record<string, unknown>) => {
    const batch = await open({ items, keepOpen: true, defaults: { model: 'a/b' } }, undefined, { memo });
    await batch.play(answered(batch.scheduled('storeItems')?.seq, pages));
    const looking = batch.scheduled('runWindow')?.seq;
    for (const page of more) await batch.play(updated('add', page, `add-${String(page.page)}`));
    return { ...batch, looking };
  };
  const cancelAsked = (batch: Awaited<ReturnType<typeof begin>>) =>
    defaultPayloadConverter.fromPayload<CancelItemsQuestion>(
      (batch.scheduled('cancelItems')?.arguments ?? [])[0] ?? {},
    );
  const asked = (batch: Awaited<ReturnType<typeof begin>>) => cancelAsked(batch).doubtful.length;

  it('asks for all that the run before may have ordered where it is cancelled', async () => {
    const batch = await begin({ retryOfRunId: 'before' });
    const { play, scheduled, question, looking } = batch;
    await play(signalled('cancel'));
    await play(windowAnswered(looking, {}));
    expect(cancelAsked(batch)).toMatchObject({ defaults: { model: 'a/b' } });
    expect(asked(batch)).toBe(part);
    const found = { outcomes: ['cancelled', 'too_late'], started: [1, 900], attached: [900] };
    await play(answered(scheduled('cancelItems')?.seq, found));
    expect(asked(batch)).toBe(total - part);
    await play(answered(scheduled('cancelItems')?.seq, { outcomes: [], started: [] }));
    await play(answered(scheduled('closeItems')?.seq, { tail: [], page: 12, searchAttributes: [] }));
    expect(question()?.open).toEqual([
      { index: 1, cancel: 'cancelled' },
      { index: 900, attached: true, cancel: 'too_late' },
    ]);
  });

  it('looks for it in a pause', async () => {
    const { play, question, looking } = await begin({ retryOfRunId: 'before' });
    await play(signalled('pause'));
    await play(windowAnswered(looking, {}));
    expect(question()?.doubtful?.length).toBe(part);
  });

  it('asks only for what a lost window can have ordered where it is its first run', async () => {
    const batch = await begin();
    await batch.play(signalled('cancel'));
    await batch.play(windowAnswered(batch.looking, {}));
    expect(asked(batch)).toBe(0);
  });
});

describe('a batch that Temporal retries while it is open', () => {
  const request = { keepOpen: true, defaults: { model: 'a/b' }, openForMs: 60_000 };
  const timersIn = (commands: Command[]) => commands.flatMap(({ startTimer }) => startTimer ?? []);
  const begin = async () => {
    const batch = await open(request, undefined, { continuedFromExecutionRunId: 'before', attempt: 2 });
    batch.wait(90_000);
    return { ...batch, sealing: await batch.play(updated('seal', {}, 'seal')) };
  };

  it('neither seals itself nor ends before it is resumed, also where it is sealed: what it had may be forgotten', async () => {
    const { play, state, wait } = await open(request, undefined, { continuedFromExecutionRunId: 'before', attempt: 2 });
    wait(90_000);
    expect(timersIn(await play(signalled('pause')))).toEqual([]);
    expect(await state()).toMatchObject({ phase: 'paused', sealed: false });
    const [timer] = timersIn(await play(signalled('resume')));
    expect(msOf(timer?.startToFireTimeout)).toBe(60_000);
    const { sealing, ...sealed } = await begin();
    expect(sealing.some(({ completeWorkflowExecution }) => completeWorkflowExecution)).toBe(false);
    expect(await sealed.state()).toMatchObject({ phase: 'paused', sealed: true });
    const last = await sealed.play(signalled('resume'));
    expect(last.some(({ completeWorkflowExecution }) => completeWorkflowExecution)).toBe(true);
  });

  it('ends once it is cancelled', async () => {
    const { play, scheduled, state } = await begin();
    await play(signalled('cancel'));
    await play(answered(scheduled('cancelItems')?.seq, { outcomes: [], started: [] }));
    expect(await state()).toMatchObject({ phase: 'cancelled' });
  });
});
