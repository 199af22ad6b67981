import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createGenerationClient } from '../../../client/index.ts';
import { findWaitingAtWall } from '../../../client/operator/index.ts';
import type { GenerationRequest } from '../../../domain/generation.ts';
import { eventually } from '../../support/eventually.ts';
import { connectToOwnNamespace, startQuickSimulator } from '../../support/generation-stack.ts';
import {
  activityFailure,
  checkExecution,
  endingOf,
  type GenerationRun,
  type History,
  stateOf,
  untilState,
} from '../../support/generations.ts';
import { inProcessWorkers } from '../../support/in-process-workers.ts';
import { accepted, gate, scriptedGenerations } from '../../support/scripted-generations.ts';
import { flux } from '../../support/simulator-client.ts';
import { submits } from '../../support/unknown-submissions.ts';

const { start } = scriptedGenerations();

const empty = () => activityFailure('InsufficientBalance', { submission: 'refused', httpStatus: 402 });

type HistoryEvent = NonNullable<History['events']>[number];

/** How often an order was sent once such an event had come: how often before, depends on how busy the machine is. */
async function submitsAfter(handle: GenerationRun, isIt: (event: HistoryEvent) => unknown): Promise<number> {
  const { events } = await handle.fetchHistory();
  const at = events?.findIndex(isIt) ?? -1;
  if (!events || at === -1) throw new Error('the history has no such event');
  const since = events.slice(at).map(({ activityTaskScheduledEventAttributes: scheduled }) => scheduled);
  return since.filter((scheduled) => scheduled?.activityType?.name === 'submitRequest').length;
}

describe.concurrent('an order that RunComfy refuses for an empty wallet', () => {
  it('waits under "wait", is named to operators, and is billed once when the wallet is filled', async () => {
    // Only the newest orders of a namespace are looked at, and other tests have theirs.
    const client = await connectToOwnNamespace();
    const simulator = await startQuickSimulator({ switches: { wallet_usd: 0 } });
    const workers = await inProcessWorkers(client, simulator.modelApiBase, { namespace: client.options.namespace });
    await workers.start();
    const generations = createGenerationClient({ client, taskQueue: workers.taskQueue });
    const key = `wall-${randomUUID()}`;
    const handle = await generations.start({ model: flux, input: { prompt: 'a cat' }, onWall: 'wait' }, { key });
    const run = client.workflow.getHandle(key);
    await untilState(run, ({ wall }) => wall !== undefined);
    // On a busy machine it may have been refused once more meanwhile; each refusal is counted.
    await eventually(async () => {
      const { submits } = simulator.ledger().totals;
      expect(await stateOf(run)).toMatchObject({
        phase: 'submitting',
        submission: 'refused',
        wall: { type: 'InsufficientBalance', refusals: submits, message: expect.stringContaining('balance') },
      });
      expect(simulator.ledger().totals.submits).toBe(submits);
    });
    await eventually(async () => {
      expect(await findWaitingAtWall(client)).toContainEqual(expect.objectContaining({ key }));
    });
    expect(simulator.ledger().jobs).toEqual([]);
    simulator.setBalance('sim-in-process', 100);
    await handle.nudge();
    const { requestId } = await handle.result();
    expect(simulator.ledger().jobs.map(({ id }) => id)).toEqual([requestId]);
    expect((await handle.state()).wall).toBeUndefined();
    await checkExecution(client, key);
  });
});

describe.concurrent('an order whose submit is refused', () => {
  it('is sent again by itself, after pauses that grow', async () => {
    const [second, third] = [gate(), gate()];
    const { submitRequest } = submits(
      () => Promise.reject(empty()),
      () => second.pass().then(() => Promise.reject(empty())),
      (name) => third.pass().then(() => accepted(`${name}--1`)),
    );
    const { handle, name } = await start({ submitRequest }, { onWall: 'wait' });
    const once = await untilState(handle, ({ wall }) => wall?.refusals === 1);
    second.open();
    const twice = await untilState(handle, ({ wall }) => wall?.refusals === 2);
    third.open();
    expect(twice.wall?.since).toBe(once.wall?.since);
    const pause = ({ wall }: typeof once, from: string | undefined) =>
      Date.parse(wall?.nextTryAt ?? '') - Date.parse(from ?? '');
    expect(pause(twice, once.wall?.nextTryAt)).toBeGreaterThan(pause(once, once.wall?.since));
    expect((await endingOf(handle)).result?.requestId).toBe(`${name}--1`);
  });

  it('ends at once unless it is to wait', async () => {
    const { handle } = await start({ submitRequest: () => Promise.reject(empty()) });
    const { type, details, state } = await endingOf(handle);
    expect(type).toBe('InsufficientBalance');
    expect(details).toMatchObject({ submission: 'refused', httpStatus: 402 });
    expect(state.wall).toBeUndefined();
  });
});

describe.concurrent('an order that waits for a wallet or a token', () => {
  const waits = async (type: string, request: Partial<GenerationRequest> = {}) => {
    let posts = 0;
    const submitRequest = () => {
      posts += 1;
      return Promise.reject(activityFailure(type, { submission: 'refused' }));
    };
    const { handle } = await start({ submitRequest }, { onWall: 'wait', ...request });
    await untilState(handle, ({ wall }) => wall !== undefined);
    return { handle, posts: () => posts };
  };

  for (const type of ['InsufficientBalance', 'Unauthenticated']) {
    it(`is stopped by a cancel, unbilled, after ${type}`, async () => {
      const { handle, posts } = await waits(type);
      expect(await handle.executeUpdate('cancel')).toMatchObject({ outcome: 'not_submitted', phase: 'cancelled' });
      const { type: end, message, details } = await endingOf(handle);
      expect(end).toBe('GenerationCancelled');
      expect(message).toContain(type === 'Unauthenticated' ? 'the token was refused' : 'the wallet was empty');
      const wall = { type, refusals: posts() };
      expect(details).toMatchObject({ submission: 'refused', cancel: { outcome: 'not_submitted' }, wall });
      expect(await submitsAfter(handle, ({ workflowExecutionUpdateAcceptedEventAttributes: asked }) => asked)).toBe(0);
    });
  }

  it('closes as Canceled when its workflow is cancelled', async () => {
    const { handle } = await waits('InsufficientBalance');
    await handle.cancel();
    const { type, state } = await endingOf(handle);
    expect({ type, outcome: state.cancel?.outcome }).toEqual({ type: 'Canceled', outcome: 'not_submitted' });
  });

  it('ends at its deadline, and says what it waited for', async () => {
    const { handle } = await waits('InsufficientBalance', { deadlineMs: 30_000 });
    const { type, message, details } = await endingOf(handle);
    expect(type).toBe('GenerationTimedOut');
    expect(message).toContain('the wallet was empty');
    expect(details).toMatchObject({ phase: 'timed_out', submission: 'refused' });
  });

  it('does not wait when it was refused for its input', async () => {
    const submitRequest = () => Promise.reject(activityFailure('InvalidInput', { submission: 'refused' }));
    const { handle } = await start({ submitRequest }, { onWall: 'wait' });
    expect((await endingOf(handle)).type).toBe('InvalidInput');
  });

  it('is unknown, not unbilled, when an earlier POST of it may have been accepted', async () => {
    let posts = 0;
    const submitRequest = () => {
      posts += 1;
      const type = posts === 1 ? 'SubmitOutcomeUnknown' : 'InsufficientBalance';
      return Promise.reject(activityFailure(type, { submission: posts === 1 ? 'unknown' : 'refused' }));
    };
    const { handle, name } = await start({ submitRequest }, { onWall: 'wait', onUnknownSubmission: 'resubmit' });
    expect(await untilState(handle, ({ wall }) => wall !== undefined)).toMatchObject({ submission: 'unknown' });
    await handle.signal('requestAccepted', {
      firstExecutionRunId: handle.firstExecutionRunId,
      requestId: `${name}--spooled`,
    });
    expect((await endingOf(handle)).result?.requestId).toBe(`${name}--spooled`);
    expect(posts).toBeGreaterThanOrEqual(2);
    expect(await submitsAfter(handle, ({ workflowExecutionSignaledEventAttributes: told }) => told)).toBe(0);
  });
});
