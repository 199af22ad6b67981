import { WorkflowUpdateFailedError } from '@temporalio/client';
import { describe, expect, it } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { activityFailure, endingOf, type GenerationRun, reading, untilState } from '../../support/generations.ts';
import { accepted, gate, type Script, scriptedGenerations } from '../../support/scripted-generations.ts';

const generations = scriptedGenerations();
const { start } = generations;

/** A first submit whose worker may still hand over an id: it failed in no way that its activity knows. */
function lostOnce(): { submitRequest: NonNullable<Script['submitRequest']>; posts: () => number } {
  let posts = 0;
  return {
    posts: () => posts,
    submitRequest: ({ input }) => {
      posts += 1;
      if (posts === 1) return Promise.reject(activityFailure('SomethingElse'));
      return Promise.resolve(accepted(`${String(input['name'])}--second`));
    },
  };
}

const resolve = (handle: GenerationRun, resolution: object) =>
  handle.executeUpdate('resolveSubmission', { args: [resolution] });
const handOver = (handle: GenerationRun, requestId: string) =>
  handle.signal('requestAccepted', { firstExecutionRunId: handle.firstExecutionRunId, requestId });

describe.concurrent('a decision that comes while a worker may still hand over the id', () => {
  for (const onUnknownSubmission of ['hold', 'fail', 'resubmit'] as const) {
    const begin = async (script: Script = {}) => {
      const { submitRequest, posts } = lostOnce();
      const begun = await start({ submitRequest, ...script }, { onUnknownSubmission });
      await untilState(begun.handle, ({ phase }) => phase === 'submission_unknown');
      return { ...begun, posts };
    };

    it(`abandon ends it at once under ${onUnknownSubmission}, and says so`, async () => {
      const { handle, posts } = await begin();
      expect(await resolve(handle, { action: 'abandon' })).toEqual({
        phase: 'submission_unknown',
        failure: 'SubmitOutcomeUnknown',
      });
      expect((await endingOf(handle)).type).toBe('SubmitOutcomeUnknown');
      expect(posts()).toBe(1);
    });

    it(`adopt is followed under ${onUnknownSubmission}`, async () => {
      const { handle, name, posts } = await begin();
      expect(await resolve(handle, { action: 'adopt', requestId: `${name}--found` })).toEqual({
        phase: 'in_queue',
        requestId: `${name}--found`,
      });
      expect((await endingOf(handle)).result?.requestId).toBe(`${name}--found`);
      expect(posts()).toBe(1);
    });

    it(`resubmit sends once more under ${onUnknownSubmission}, and not again by itself`, async () => {
      const { handle, name, posts } = await begin();
      await resolve(handle, { action: 'resubmit' });
      expect((await endingOf(handle)).result?.requestId).toBe(`${name}--second`);
      expect(posts()).toBe(2);
    });

    it(`is obeyed or refused under ${onUnknownSubmission} when an id, a cancel and it come together`, async () => {
      for (const action of ['resubmit', 'adopt']) {
        const { handle, name, posts } = await begin({
          readStatus: () => Promise.resolve(reading('in_queue', { nextReadInMs: 600_000 })),
        });
        // Whichever id is followed, its work waits in the queue until the cancel has come.
        const decision = { action, ...(action === 'adopt' && { requestId: `${name}--other` }) };
        const answer = resolve(handle, decision).catch((error: unknown) => error);
        await Promise.all([handOver(handle, `${name}--spooled`), handle.signal('cancel')]);
        const answered = await answer;
        const { type, state } = await endingOf(handle);
        expect(type).toBe('GenerationCancelled');
        const isRefused = answered instanceof WorkflowUpdateFailedError;
        expect(state.requestId === `${name}--spooled` || !isRefused).toBe(true);
        expect(posts()).toBeLessThanOrEqual(isRefused ? 1 : 2);
      }
    });
  }

  it('a deadline waits for the POST as well, and then cancels what it brought', async () => {
    const { submitRequest, posts } = lostOnce();
    const cancelled: string[] = [];
    const { handle, name } = await start({ submitRequest, cancelled }, { deadlineMs: 24_000 });
    await untilState(handle, ({ phase }) => phase === 'submission_unknown');
    await eventually(async () => {
      const { events } = await handle.fetchHistory();
      expect(events?.some((event) => event.timerFiredEventAttributes)).toBe(true);
    });
    expect(await untilState(handle, () => true)).toMatchObject({ phase: 'submission_unknown' });
    await handOver(handle, `${name}--spooled`);
    const { type, details } = await endingOf(handle);
    expect({ type, requestId: details?.requestId }).toEqual({
      type: 'GenerationTimedOut',
      requestId: `${name}--spooled`,
    });
    expect(cancelled).toEqual([`${name}--spooled`]);
    expect(posts()).toBe(1);
  });
});

describe.concurrent('an id that is handed over twice', () => {
  it('is no further request, and leaves no empty list of such', async () => {
    const { handle, name } = await start({
      readStatus: () => Promise.resolve(reading('in_queue', { nextReadInMs: 600_000 })),
    });
    await untilState(handle, ({ reads }) => reads > 0);
    await handOver(handle, `${name}--1`);
    await handOver(handle, `${name}--1`);
    await handle.executeUpdate('cancel');
    const { state } = await endingOf(handle);
    expect(state.otherRequestIds).toBeUndefined();
  });
});

describe.concurrent('a reading that Temporal gives up', () => {
  it('ends no generation: reading goes on, and what was read is counted', async () => {
    let calls = 0;
    const { handle } = await start({
      readStatus: () => {
        calls += 1;
        return calls === 1
          ? Promise.reject(activityFailure('ServiceUnavailable', { reads: 3 }))
          : Promise.resolve(reading('finished'));
      },
    });
    const { result } = await endingOf(handle);
    expect(result?.reads).toBe(5);
  });
});

describe.concurrent('a run timeout that somebody else has set', () => {
  const running = () => Promise.resolve(reading('in_progress', { nextReadInMs: 600_000 }));

  it('bounds the deadline, so that the end is told with the request id', async () => {
    const { rig, script } = generations;
    const { name, request } = script({
      readStatus: running,
      cancelRequest: () =>
        Promise.resolve({
          outcome: 'not_cancellable',
          status: 'in_progress',
          reads: 1,
          readAt: new Date().toISOString(),
        }),
    });
    const handle = await rig().start(request, { workflowRunTimeout: '120 seconds' });
    const { type, details } = await endingOf(handle);
    expect({ type, requestId: details?.requestId }).toEqual({ type: 'GenerationTimedOut', requestId: `${name}--1` });
  });
});

describe.concurrent('a run that Temporal started by itself', () => {
  it('by a workflow retry does not submit, and follows the id that the first run got', async () => {
    const sending = gate();
    let posts = 0;
    const { rig, script } = generations;
    const { name, request } = script({
      submitRequest: async () => {
        posts += 1;
        await sending.pass();
        return accepted('never told');
      },
    });
    const handle = await rig().start(request, {
      // The second run, too, must be asked and answered within it.
      workflowRunTimeout: '40 seconds',
      retry: { initialInterval: '1 second', maximumAttempts: 2 },
    });
    const chain = rig().client.workflow.getHandle(handle.workflowId);
    const state = await untilState(chain, ({ phase }) => phase === 'submission_unknown');
    expect(state.evidence?.reason).toContain('workflow retry policy (attempt 2)');
    await chain.signal('requestAccepted', {
      firstExecutionRunId: handle.firstExecutionRunId,
      requestId: `${name}--spooled`,
    });
    const result = (await chain.result()) as { requestId: string };
    expect(result.requestId).toBe(`${name}--spooled`);
    expect(posts).toBe(1);
    sending.open();
  });

  it('by a cron schedule does not submit either', async () => {
    let posts = 0;
    const { rig, script } = generations;
    const { name, request } = script({
      submitRequest: ({ input }) => {
        posts += 1;
        return Promise.resolve(accepted(`${String(input['name'])}--1`));
      },
    });
    const handle = await rig().start({ ...request, deadlineMs: 3_600_000 }, { cronSchedule: '@every 3s' });
    const chain = rig().client.workflow.getHandle(handle.workflowId);
    const state = await untilState(chain, ({ phase }) => phase === 'submission_unknown');
    expect(state.evidence?.reason).toContain('cron schedule');
    expect({ posts, name: name.length > 0 }).toEqual({ posts: 1, name: true });
    await chain.terminate('enough');
  });
});
