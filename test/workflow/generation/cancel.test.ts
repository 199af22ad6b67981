import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { WorkflowNotFoundError } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { CancelReply, GenerationRequest } from '../../../domain/generation.ts';
import { eventually } from '../../support/eventually.ts';
import {
  activityFailure,
  checkExecutions,
  type Ending,
  endingOf,
  type GenerationRun,
  output,
  reading,
  untilState,
} from '../../support/generations.ts';
import type { parent } from '../../support/parent-workflow.ts';
import { hangMs } from '../../support/patience.ts';
import { gate, type Script, scriptedGenerations } from '../../support/scripted-generations.ts';
import { answer, type Moment, moments, thenFinished, untilRead, waiting } from './cancel-moments.ts';

const generations = scriptedGenerations();

/** Ways to want an end, and how the wish arrives. */
const ways = ['signal', 'update', 'workflow cancellation', "a parent's cancellation", "a parent's end"] as const;
type Way = (typeof ways)[number];
const isWorkflowCancellation = (way: Way) => way !== 'signal' && way !== 'update';

interface Wish {
  handle: GenerationRun;
  /** Only an update is answered. */
  reply: Promise<CancelReply | undefined>;
}

const parents = { taskQueue: `parents-${randomUUID()}`, stop: () => Promise.resolve() };
const children: string[] = [];

beforeAll(async () => {
  const connection = await NativeConnection.connect({ address: inject('temporalAddress') });
  const workflowBundle = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../../support/parent-workflow.ts', import.meta.url)),
    logger: new DefaultLogger('WARN'),
  });
  const patient = { connection, isolateExecutionTimeout: hangMs };
  const worker = await Worker.create({ ...patient, taskQueue: parents.taskQueue, workflowBundle });
  const done = worker.run();
  parents.stop = async () => {
    worker.shutdown();
    await done;
    await connection.close();
  };
});
afterAll(async () => {
  await checkExecutions(generations.rig().client, children);
  await parents.stop();
});

/** Starts a generation, by a parent where the way wants one, and gives it and the way to cancel it. */
async function begin(way: Way, script: Script, more: Partial<GenerationRequest> = {}) {
  const { client, taskQueue } = generations.rig();
  if (way !== "a parent's cancellation" && way !== "a parent's end") {
    const { handle, name } = await generations.start(script, more);
    const cancel = async (): Promise<Wish> => {
      if (way === 'update') {
        const reply = handle.executeUpdate<CancelReply, [{ reason: string }]>('cancel', { args: [{ reason: way }] });
        return Promise.resolve({ handle, reply });
      }
      await (way === 'signal' ? handle.signal('cancel', { reason: way }) : handle.cancel());
      return { handle, reply: Promise.resolve(undefined) };
    };
    return { handle, name, cancel };
  }
  const { name, request } = generations.script(script, more);
  const workflowId = `child-${randomUUID()}`;
  children.push(workflowId);
  const parentHandle = await client.workflow.start<typeof parent>('parent', {
    args: [{ workflowId, taskQueue, request }],
    workflowId: `parent-${randomUUID()}`,
    taskQueue: parents.taskQueue,
  });
  const handle = client.workflow.getHandle(workflowId) as unknown as GenerationRun;
  await eventually(() => handle.describe());
  const cancel = async (): Promise<Wish> => {
    await (way === "a parent's end" ? parentHandle.terminate('enough') : parentHandle.cancel());
    return { handle, reply: Promise.resolve(undefined) };
  };
  return { handle, name, cancel };
}

function expectEnd(way: Way, ends: Moment['ends'], ending: Ending): void {
  const isCancelled = ends === 'cancelled' || (ends === 'as the policy says' && isWorkflowCancellation(way));
  if (!isCancelled) {
    expect(ending.result?.output).toEqual(output);
    expect(ending.state.phase).toBe('succeeded');
    return;
  }
  expect(ending.type).toBe(isWorkflowCancellation(way) ? 'Canceled' : 'GenerationCancelled');
  expect(ending.state.phase).toBe('cancelled');
  expect(ending.state.failure?.type).toBe('GenerationCancelled');
}

describe.concurrent('a cancel by', () => {
  it('any way while RunComfy gives no answer for half a minute: unknown, and the policy decides', async () => {
    await Promise.all(
      ways.map(async (way) => {
        const cancelRequest = () => Promise.reject(activityFailure('ServiceUnavailable', {}, { retryable: true }));
        const { handle, cancel } = await begin(way, { readStatus: thenFinished('in_progress'), cancelRequest });
        await untilRead(handle);
        const askedAt = Date.now();
        const { reply } = await cancel();
        const ending = await endingOf(handle);
        expectEnd(way, 'as the policy says', ending);
        expect(ending.state.cancel?.outcome).toBe('unknown');
        if (isWorkflowCancellation(way)) expect(ending.state.failure?.message).toContain('may run on and be billed');
        if (way === 'update') expect(await reply).toEqual({ outcome: 'unknown', phase: 'in_progress' });
        expect(Date.now() - askedAt).toBeGreaterThan(15_000);
      }),
    );
  });

  for (const way of ways) {
    for (const [when, phase] of Object.entries(moments)) {
      it(`${way} while ${when}: ${phase.outcome}, and it ends ${phase.ends}`, async () => {
        const { script, before, after } = phase.set();
        const cancelled: string[] = [];
        const { handle, name, cancel } = await begin(way, { ...script, cancelled });
        await before(handle);
        const { reply } = await cancel();
        await untilState(handle, (state) => state.cancel !== undefined);
        after?.();
        if (way === 'update') expect(await reply).toEqual({ outcome: phase.outcome, phase: phase.phase });
        const ending = await endingOf(handle);
        expectEnd(way, phase.ends, ending);
        expect(ending.state.cancel).toMatchObject({ outcome: phase.outcome });
        expect(ending.state.cancel?.reason).toBe(isWorkflowCancellation(way) ? undefined : way);
        expect(ending.state.submission).toBe(phase.submission ?? 'accepted');
        expect(cancelled).toEqual(Array.from({ length: phase.asked }, () => `${name}--1`));
        if (ending.details) expect(ending.details).toMatchObject({ phase: 'cancelled', cancel: ending.state.cancel });
      });
    }
  }
});

describe.concurrent('an explicit policy', () => {
  it('detach lets the work go on a signal, and says that it may be billed', async () => {
    const { handle, cancel, name } = await begin(
      'signal',
      { readStatus: waiting('in_progress'), cancelRequest: answer('not_cancellable', 'in_progress') },
      { onCancelWhileRunning: 'detach' },
    );
    await untilRead(handle);
    await cancel();
    const { type, details, message } = await endingOf(handle);
    expect(type).toBe('GenerationCancelled');
    expect(details).toMatchObject({
      requestId: `${name}--1`,
      submission: 'accepted',
      cancel: { outcome: 'not_cancellable', reason: 'signal' },
    });
    expect(message).toContain('runs on and may be billed');
  });

  for (const way of ['workflow cancellation', "a parent's end"] as const) {
    it(`wait binds ${way} too: the result is returned`, async () => {
      const { handle, cancel } = await begin(
        way,
        { readStatus: thenFinished('in_progress'), cancelRequest: answer('not_cancellable', 'in_progress') },
        { onCancelWhileRunning: 'wait' },
      );
      await untilRead(handle);
      await cancel();
      const { result, state } = await endingOf(handle);
      expect(result?.output).toEqual(output);
      expect(state.cancel).toMatchObject({ outcome: 'not_cancellable' });
    });
  }
});

describe.concurrent('more than one cancel', () => {
  it('at the same time gets the same outcome, and RunComfy is asked once', async () => {
    const asking = gate();
    const cancelled: string[] = [];
    const cancelRequest = () => asking.pass().then(answer('cancelled', 'cancelled'));
    const { handle } = await begin('update', { readStatus: waiting('in_queue'), cancelRequest, cancelled });
    await untilRead(handle);
    // All are in the workflow's hands before RunComfy answers: one that comes later finds no generation any more.
    const ask = (wish: { reason?: string }) =>
      handle.startUpdate<CancelReply, [typeof wish]>('cancel', { args: [wish], waitForStage: 'ACCEPTED' });
    const asked = ['first', 'second'].map((reason) => ask({ reason }));
    await asking.reached;
    const updates = await Promise.all([...asked, handle.signal('cancel', { reason: 'third' }).then(() => ask({}))]);
    await handle.cancel();
    asking.open();
    for (const update of updates) {
      expect(await update.result()).toEqual({ outcome: 'cancelled', phase: 'cancelled' });
    }
    expect((await endingOf(handle)).state.cancel?.reason).toMatch(/first|second/);
    const { events } = await handle.fetchHistory();
    const asks = events?.filter(
      ({ activityTaskScheduledEventAttributes: scheduled }) => scheduled?.activityType?.name === 'cancelRequest',
    );
    expect(asks).toHaveLength(1);
    // A call that nobody answers for 15 s is made again.
    const begun = events?.map((event) => event.activityTaskStartedEventAttributes);
    const last = begun?.find((start) => String(start?.scheduledEventId) === String(asks?.[0]?.eventId));
    expect(cancelled).toHaveLength(last?.attempt ?? 0);
  });

  it('after RunComfy could not stop the work is answered without asking again', async () => {
    const cancelled: string[] = [];
    let status: 'in_progress' | 'finished' = 'in_progress';
    const { handle } = await begin('update', {
      readStatus: () => Promise.resolve(reading(status, { nextReadInMs: 600_000 })),
      cancelRequest: answer('not_cancellable', 'in_progress'),
      cancelled,
    });
    await untilRead(handle);
    const refused = { outcome: 'not_cancellable', phase: 'in_progress' };
    expect(await handle.executeUpdate('cancel')).toEqual(refused);
    expect(await handle.executeUpdate('cancel', { args: [{ reason: 'please' }] })).toEqual(refused);
    expect(cancelled).toHaveLength(1);
    // The look that follows the cancel must not see the end, or there is nobody left to nudge.
    await untilState(handle, ({ reads }) => reads === 3);
    status = 'finished';
    await handle.signal('nudge');
    expect((await endingOf(handle)).state.cancel).toMatchObject({ outcome: 'not_cancellable', reason: 'please' });
  });

  it('after RunComfy gave no answer asks again', async () => {
    let calls = 0;
    const { handle } = await begin('update', {
      readStatus: waiting('in_queue'),
      cancelRequest: () => {
        calls += 1;
        if (calls > 1) return answer('cancelled', 'cancelled')();
        return Promise.reject(activityFailure('ServiceUnavailable', { reads: 1 }));
      },
    });
    await untilRead(handle);
    expect(await handle.executeUpdate('cancel')).toEqual({ outcome: 'unknown', phase: 'in_queue' });
    expect(await handle.executeUpdate('cancel')).toEqual({ outcome: 'cancelled', phase: 'cancelled' });
    expect((await endingOf(handle)).type).toBe('GenerationCancelled');
    expect(calls).toBe(2);
  });

  it('by the workflow after one by signal lets go of work that runs on', async () => {
    const cancelled: string[] = [];
    const { handle } = await begin('signal', {
      readStatus: waiting('in_progress'),
      cancelRequest: answer('not_cancellable', 'in_progress'),
      cancelled,
    });
    await untilRead(handle);
    await handle.signal('cancel');
    await untilState(handle, (state) => state.cancel?.outcome === 'not_cancellable');
    await handle.cancel();
    const { type, state } = await endingOf(handle);
    expect({ type, outcome: state.cancel?.outcome }).toEqual({ type: 'Canceled', outcome: 'not_cancellable' });
    expect(cancelled).toHaveLength(1);
  });

  it('of an ended generation finds no running workflow, and changes nothing', async () => {
    const { handle } = await begin('signal', {});
    const { result } = await endingOf(handle);
    await expect(handle.signal('cancel')).rejects.toThrow(WorkflowNotFoundError);
    await expect(handle.executeUpdate('cancel')).rejects.toThrow(WorkflowNotFoundError);
    await handle.cancel().catch(() => undefined);
    expect((await endingOf(handle)).result).toEqual(result);
  });
});

describe.concurrent('a cancel that RunComfy had obeyed already', () => {
  it('is seen by the next read where the answer to it was lost for good', async () => {
    let isStopped = false;
    const { handle } = await begin('signal', {
      readStatus: () => Promise.resolve(reading(isStopped ? 'cancelled' : 'in_queue', { nextReadInMs: 600_000 })),
      cancelRequest: () => {
        isStopped = true;
        return Promise.reject(activityFailure('ServiceUnavailable', { reads: 1 }));
      },
    });
    await untilRead(handle);
    await handle.signal('cancel');
    const { type, state } = await endingOf(handle);
    expect({ type, outcome: state.cancel?.outcome, reads: state.reads }).toEqual({
      type: 'GenerationCancelled',
      outcome: 'cancelled',
      reads: 3,
    });
  });

  it('elsewhere, by somebody else, ends as GenerationCancelled without a wish from here', async () => {
    const { handle } = await begin('signal', { readStatus: () => Promise.resolve(reading('cancelled')) });
    const { type, message, state } = await endingOf(handle);
    expect(type).toBe('GenerationCancelled');
    expect(message).toContain('not from here');
    expect(state.cancel).toBeUndefined();
  });
});
