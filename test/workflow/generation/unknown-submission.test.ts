import { heartbeat, cancelled as untilDropped } from '@temporalio/activity';
import { WorkflowUpdateFailedError } from '@temporalio/client';
import { tsToMs } from '@temporalio/common/lib/time.js';
import { describe, expect, it } from 'vitest';
import type { SubmitHeartbeat } from '../../../domain/activities.ts';
import type { GenerationRequest } from '../../../domain/generation.ts';
import { activityFailure, endingOf, type GenerationRun, type History, untilState } from '../../support/generations.ts';
import { gate, type Script, scriptedGenerations } from '../../support/scripted-generations.ts';
import {
  balanceBefore,
  handOver,
  resolve,
  sentAt,
  submits,
  takes,
  unfinished,
  unknown,
} from '../../support/unknown-submissions.ts';
import { updateUntilAnswered } from '../../support/until-answered.ts';

const { start } = scriptedGenerations();

async function held(script: Script = {}, request: Partial<GenerationRequest> = {}) {
  const { submitRequest, posts } = submits(unknown);
  const begun = await start({ submitRequest, ...script }, request);
  await untilState(begun.handle, ({ phase }) => phase === 'submission_unknown');
  return { ...begun, posts };
}

/** A worker that is lost after its last heartbeat, if it sent any. */
async function loseWorker(details?: SubmitHeartbeat): Promise<never> {
  if (details) heartbeat(details);
  return await untilDropped();
}
type HistoryEvent = NonNullable<History['events']>[number];
const eventsOf = async (handle: GenerationRun) => (await handle.fetchHistory()).events ?? [];
const isLoss = (event: HistoryEvent) => event.activityTaskTimedOutEventAttributes;
/** By the server's clock: when a test on a busy machine comes to look says nothing. */
const timeOf = (event: HistoryEvent | undefined) => tsToMs(event?.eventTime);
const sending: SubmitHeartbeat = { stage: 'sending', at: sentAt, balanceBefore, searchAttributes: ['RunComfyModel'] };

describe.concurrent('a worker that is lost while it submits', () => {
  it('before it began to send: the order is sent again by itself', async () => {
    const { submitRequest, posts } = submits(
      () => loseWorker(),
      () => loseWorker({ stage: 'not_sent', at: sentAt }),
      takes,
    );
    const { handle, name } = await start({ submitRequest });
    const ending = untilState(handle, ({ requestId }) => requestId !== undefined);
    await ending;
    expect((await endingOf(handle)).result?.requestId).toBe(`${name}--1`);
    expect(posts()).toBe(3);
  });

  it('after it began to send: unknown within 30 s, with what its heartbeat told', async () => {
    const { submitRequest, posts } = submits(() => loseWorker(sending));
    const { handle } = await start({ submitRequest });
    const state = await untilState(handle, ({ phase }) => phase === 'submission_unknown');
    const events = await eventsOf(handle);
    const begun = events.find((event) => event.activityTaskStartedEventAttributes);
    expect(timeOf(events.find(isLoss)) - timeOf(begun)).toBeLessThan(30_000);
    expect(state.evidence).toMatchObject({ sentAt, balanceBefore });
    expect(posts()).toBe(1);
    await resolve(handle, { action: 'abandon' });
    expect((await endingOf(handle)).message).toContain('the worker was lost');
  });

  it('after RunComfy had accepted: the id of its last heartbeat is taken', async () => {
    const { submitRequest, posts } = submits((name) =>
      loseWorker({ ...sending, stage: 'accepted', requestId: `${name}--heard` }),
    );
    const { handle, name } = await start({ submitRequest });
    await untilState(handle, ({ requestId }) => requestId !== undefined);
    expect((await endingOf(handle)).result?.requestId).toBe(`${name}--heard`);
    expect(posts()).toBe(1);
  });

  for (const policy of ['fail', 'resubmit'] as const) {
    it(`${policy} first waits for the POST's own time and its spool: an id that comes in time is taken`, async () => {
      const { submitRequest, posts } = submits(() => loseWorker(sending));
      const { handle, name } = await start({ submitRequest }, { onUnknownSubmission: policy });
      await untilState(handle, ({ phase }) => phase === 'submission_unknown');
      await handOver(handle, `${name}--spooled`);
      expect((await endingOf(handle)).result?.requestId).toBe(`${name}--spooled`);
      expect(posts()).toBe(1);
    });

    it(`${policy} acts once that time has brought nothing`, async () => {
      const { submitRequest, posts } = submits(() => loseWorker(sending), takes);
      const { handle, name } = await start({ submitRequest }, { onUnknownSubmission: policy });
      const { type, result } = await endingOf(handle);
      const events = await eventsOf(handle);
      const acted = events.findLast(
        ({ activityTaskScheduledEventAttributes: scheduled, workflowExecutionFailedEventAttributes: failed }) =>
          policy === 'fail' ? failed : scheduled?.activityType?.name === 'submitRequest',
      );
      expect(timeOf(acted) - timeOf(events.find(isLoss))).toBeGreaterThan(70_000);
      expect(policy === 'fail' ? type : result?.requestId).toBe(
        policy === 'fail' ? 'SubmitOutcomeUnknown' : `${name}--1`,
      );
      expect(posts()).toBe(policy === 'fail' ? 1 : 2);
    });
  }
});

describe.concurrent('a submission of unknown outcome that is held', () => {
  it('shows what is known in its state, and sends nothing by itself', async () => {
    const { handle, posts } = await held();
    const { state } = { state: await untilState(handle, () => true) };
    expect(state).toMatchObject({
      phase: 'submission_unknown',
      submission: 'unknown',
      evidence: { sentAt, balanceBefore, note: expect.stringContaining('not a proof') },
    });
    expect(state.requestId).toBeUndefined();
    await resolve(handle, { action: 'abandon' });
    const { type, message, details } = await endingOf(handle);
    expect(type).toBe('SubmitOutcomeUnknown');
    expect(message).toContain('scripted SubmitOutcomeUnknown');
    expect(details).toMatchObject({
      phase: 'submission_unknown',
      submission: 'unknown',
      key: handle.workflowId,
      evidence: { sentAt, balanceBefore },
    });
    expect(posts()).toBe(1);
  });

  it('goes on with an adopted id, once that is checked', async () => {
    let asked: unknown;
    const { handle, name, posts } = await held({
      checkAdoption: (question) => {
        asked = question;
        return Promise.resolve({ reads: 1, nextReadInMs: 0, searchAttributes: [] });
      },
    });
    const reply = await resolve(handle, { action: 'adopt', requestId: `${name}--found` });
    expect(reply).toEqual({ phase: 'in_queue', requestId: `${name}--found` });
    const { result } = await endingOf(handle);
    expect(result).toMatchObject({ requestId: `${name}--found`, reads: 5 });
    expect(asked).toMatchObject({ requestId: `${name}--found`, input: { name } });
    expect(posts()).toBe(1);
  });

  it('stays held when an id does not pass the check, and says why', async () => {
    const checks = [activityFailure('RequestNotFound'), activityFailure('InvalidInput', { reads: 1 })];
    const { handle, name } = await held({
      checkAdoption: () => Promise.reject(checks.shift() ?? new Error('a third')),
    });
    for (const type of ['RequestNotFound', 'InvalidInput']) {
      const refusal = await resolve(handle, { action: 'adopt', requestId: `${name}--wrong` }).catch(
        (error: unknown) => error,
      );
      expect(refusal).toBeInstanceOf(WorkflowUpdateFailedError);
      expect((refusal as WorkflowUpdateFailedError).cause).toMatchObject({ type });
    }
    expect(await untilState(handle, () => true)).toMatchObject({ phase: 'submission_unknown' });
    await handOver(handle, `${name}--right`);
    expect((await endingOf(handle)).result?.requestId).toBe(`${name}--right`);
  });

  it('is sent again on resubmit, and held again when that is unknown too', async () => {
    const { submitRequest, posts } = submits(unknown, unknown, takes);
    const { handle, name } = await start({ submitRequest });
    await untilState(handle, ({ phase }) => phase === 'submission_unknown');
    await resolve(handle, { action: 'resubmit' });
    await untilState(handle, ({ phase }) => phase === 'submission_unknown' && posts() === 2);
    await resolve(handle, { action: 'resubmit' });
    expect((await endingOf(handle)).result?.requestId).toBe(`${name}--1`);
    expect(posts()).toBe(3);
  });

  it('says unknown, not refused, when a resubmit is refused: the first may be billed', async () => {
    const { submitRequest } = submits(unknown, () =>
      Promise.reject(activityFailure('InsufficientBalance', { submission: 'refused', httpStatus: 402 })),
    );
    const { handle } = await start({ submitRequest });
    await untilState(handle, ({ phase }) => phase === 'submission_unknown');
    await resolve(handle, { action: 'resubmit' }).catch(() => undefined);
    const { type, details } = await endingOf(handle);
    expect(type).toBe('InsufficientBalance');
    expect(details).toMatchObject({ submission: 'unknown', httpStatus: 402 });
  });

  it('takes one decision: a second one that comes with it is refused', async () => {
    const { handle, name } = await held();
    const [first, second] = await Promise.allSettled([
      resolve(handle, { action: 'adopt', requestId: `${name}--one` }),
      resolve(handle, { action: 'adopt', requestId: `${name}--two` }),
    ]);
    expect([first.status, second.status].sort()).toEqual(['fulfilled', 'rejected']);
    const { result, state } = await endingOf(handle);
    expect([`${name}--one`, `${name}--two`]).toContain(result?.requestId);
    expect(state.otherRequestIds).toBeUndefined();
  });

  it('goes on with an id that a worker hands over; an id of another order is ignored', async () => {
    const { handle, name, posts } = await held();
    await handOver(handle, `${name}--foreign`, 'another-first-run');
    expect(await untilState(handle, () => true)).toMatchObject({ phase: 'submission_unknown' });
    await handOver(handle, `${name}--spooled`);
    const { result, state } = await endingOf(handle);
    expect(result?.requestId).toBe(`${name}--spooled`);
    expect(state.otherRequestIds).toBeUndefined();
    expect(posts()).toBe(1);
  });

  it('answers a cancel with unknown, holds on, and cancels an id that turns up at once', async () => {
    for (const way of ['adopt', 'hand over'] as const) {
      const cancelled: string[] = [];
      const { handle, name } = await held({ readStatus: unfinished, cancelled });
      expect(await handle.executeUpdate('cancel', { args: [{ reason: 'too dear' }] })).toEqual({
        outcome: 'unknown',
        phase: 'submission_unknown',
      });
      await handle.signal('cancel');
      expect(await untilState(handle, () => true)).toMatchObject({ phase: 'submission_unknown' });
      await expect(resolve(handle, { action: 'resubmit' })).rejects.toThrow(WorkflowUpdateFailedError);
      if (way === 'adopt') await resolve(handle, { action: 'adopt', requestId: `${name}--late` });
      else await handOver(handle, `${name}--late`);
      const { type, details, state } = await endingOf(handle);
      expect(type).toBe('GenerationCancelled');
      expect(details).toMatchObject({
        requestId: `${name}--late`,
        submission: 'accepted',
        cancel: { outcome: 'cancelled', reason: 'too dear' },
      });
      expect(state.phase).toBe('cancelled');
      expect(cancelled).toEqual([`${name}--late`]);
    }
  });

  it('closes as Canceled when its workflow is cancelled, and its state says unknown', async () => {
    const { handle } = await held();
    await handle.cancel();
    const { type, state } = await endingOf(handle);
    expect(type).toBe('Canceled');
    expect(state).toMatchObject({ phase: 'cancelled', submission: 'unknown', cancel: { outcome: 'unknown' } });
    expect(state.failure?.message).toContain('unknown whether RunComfy had accepted');
  });

  it('ends as SubmitOutcomeUnknown at its deadline', async () => {
    const { handle } = await held({}, { deadlineMs: 30_000 });
    const { type, details } = await endingOf(handle);
    expect(type).toBe('SubmitOutcomeUnknown');
    expect(details).toMatchObject({ phase: 'submission_unknown', submission: 'unknown' });
  });

  it('answers who asked for a decision when its workflow is cancelled meanwhile', async () => {
    const checking = gate();
    const { handle, name } = await held({
      checkAdoption: () => checking.pass().then(() => ({ reads: 1, nextReadInMs: 0, searchAttributes: [] })),
    });
    const decision = { action: 'adopt', requestId: `${name}--late` };
    const asked = updateUntilAnswered(handle, 'resolveSubmission', decision).catch((error: unknown) => error);
    await checking.reached;
    await handle.cancel();
    await untilState(handle, ({ cancel }) => cancel !== undefined);
    checking.open();
    expect(await asked).toBeInstanceOf(WorkflowUpdateFailedError);
    expect((await endingOf(handle)).type).toBe('Canceled');
  });
});
