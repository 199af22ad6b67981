import { randomUUID } from 'node:crypto';
import { activityInfo, cancelled as untilAborted } from '@temporalio/activity';
import { Client, type WorkflowHandle } from '@temporalio/client';
import { NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import { describe, expect, inject, it } from 'vitest';
import { sendUpdate } from '../../../client/generation/send-update.ts';
import type { Activities } from '../../../domain/activities.ts';
import type { GenerationState } from '../../../domain/generation.ts';
import { submitTaskQueue } from '../../../domain/names.ts';
import { aheadOfTask, aheadOfTaskSentence } from '../../../workflows/hooks/interceptors.ts';
import { connectTo } from '../../support/connect.ts';
import { untilSeen } from '../../support/eventually.ts';
import { activityFailure, checkExecutions, happyActivities, order, reading } from '../../support/generations.ts';
import { hangMs } from '../../support/patience.ts';
import { quietRuntime } from '../../support/quiet-runtime.ts';
import { accepted, gate } from '../../support/scripted-generations.ts';
import { sentAt } from '../../support/unknown-submissions.ts';
import { untilAnswered } from '../../support/until-answered.ts';

/** Which task a worker is given first, that of the query or that of the workflow, is up to the server: of so many one is. */
const atOnce = 10;
const done = () => Promise.resolve(accepted('request-1'));
const waiting = () => reading('in_queue', { nextReadInMs: 600_000 });

type HistoryEvent = NonNullable<Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']>[number];

interface Away {
  client: Client;
  handles: WorkflowHandle[];
  /** A worker takes up the workflows. */
  comeBack: () => Promise<void>;
}

/** Generations without a worker for their workflows, which went once each of them was as far as this. */
async function whileAway<Seen>(
  activities: Partial<Activities>,
  untilIsSo: (handle: WorkflowHandle) => Promise<unknown>,
  use: (away: Away) => Promise<Seen>,
): Promise<Seen> {
  quietRuntime();
  const address = inject('temporalAddress');
  const connection = await NativeConnection.connect({ address });
  const clientConnection = await connectTo(address);
  const client = new Client({ connection: clientConnection });
  const taskQueue = `away-${randomUUID()}`;
  const { submitRequest, recallSubmit, ...reads } = { ...happyActivities(), ...activities };
  const stops: (() => Promise<void>)[] = [];
  const run = async (options: Omit<WorkerOptions, 'connection'>) => {
    const worker = await Worker.create({ connection, ...options });
    const running = worker.run();
    const stop = async () => {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await running;
    };
    stops.push(stop);
    return stop;
  };
  const workflowBundle = { codePath: inject('workflowBundlePath') };
  const runWorkflows = () => run({ taskQueue, workflowBundle, activities: reads });
  const handles: WorkflowHandle[] = [];
  try {
    await run({ taskQueue: submitTaskQueue(taskQueue), activities: { recallSubmit, submitRequest } });
    const stop = await runWorkflows();
    for (let number = 0; number < atOnce; number += 1) {
      const options = { args: [order], taskQueue, workflowId: `generation-${randomUUID()}` };
      handles.push(await client.workflow.start('runcomfyGeneration', options));
    }
    await Promise.all(handles.map(untilIsSo));
    await stop();
    return await use({ client, handles, comeBack: async () => void (await runWorkflows()) });
  } finally {
    await Promise.all(handles.map((handle) => handle.terminate().catch(() => undefined)));
    await Promise.all(stops.map((stop) => stop()));
    await connection.close();
    await clientConnection.close();
  }
}

const stateOf = (handle: WorkflowHandle) => untilAnswered(() => handle.query<GenerationState>('state'));
const eventsOf = async (handle: WorkflowHandle) => (await handle.fetchHistory()).events ?? [];

/** Which activity an event ended. */
const endedActivity = (event: HistoryEvent) =>
  (
    event.activityTaskCompletedEventAttributes ??
    event.activityTaskCanceledEventAttributes ??
    event.activityTaskFailedEventAttributes ??
    event.activityTaskTimedOutEventAttributes
  )?.scheduledEventId;
const pause = () => new Promise((resolve) => setTimeout(resolve, 1_000));

/** The same, of generations whose submits had begun, and end as the test has it. */
async function whileSubmitting<Seen>(
  submitRequest: () => ReturnType<Activities['submitRequest']>,
  use: (away: Away & { endSubmits: () => Promise<void> }) => Promise<Seen>,
): Promise<Seen> {
  const sending = gate();
  let begun = 0;
  const submitOnce = () => ((begun += 1), sending.pass().then(submitRequest));
  const haveBegun = () => untilSeen(() => Promise.resolve(begun === atOnce || undefined));
  return await whileAway({ submitRequest: submitOnce }, haveBegun, (away) => {
    const endSubmits = async () => {
      sending.open();
      // That makes a task, which no worker takes.
      await Promise.all(
        away.handles.map((handle) => untilSeen(async () => (await eventsOf(handle)).find(endedActivity))),
      );
    };
    return use({ ...away, endSubmits });
  }).finally(sending.open);
}

/** The tasks that were done again since a query had run ahead of them; every history replays. */
async function tasksDoneAgain({ client, handles }: Away, because: string): Promise<number> {
  await checkExecutions(
    client,
    handles.map(({ workflowId }) => workflowId),
  );
  const events = (await Promise.all(handles.map(eventsOf))).flat();
  return events.filter(({ workflowTaskFailedEventAttributes: failed }) => failed?.failure?.message?.includes(because))
    .length;
}

/** A machine that has much to do may answer no question in time. */
async function untilSome(tasksDoneAgainIn: () => Promise<number>): Promise<void> {
  for (let tries = 0; tries < 5; tries += 1) if ((await tasksDoneAgainIn()) > 0) return;
  throw new Error('no query was answered before the task whose events it has seen');
}

describe.concurrent('a query that is answered before the task whose events it has seen', () => {
  it('leaves the messages of that task where a replay hears them', async () => {
    const unknown = () => Promise.reject(activityFailure('SubmitOutcomeUnknown', { submission: 'unknown', sentAt }));
    await untilSome(() =>
      whileSubmitting(unknown, async (away) => {
        const asked = away.handles.map(stateOf);
        await pause();
        await away.endSubmits();
        const resolve = (handle: WorkflowHandle) =>
          handle.executeUpdate('resolveSubmission', { args: [{ action: 'abandon' }], updateId: randomUUID() });
        const resolving = away.handles.map((handle) => resolve(handle).catch((error: unknown) => error));
        await pause();
        await away.comeBack();
        for (const { phase } of await Promise.all(asked)) expect(phase).toBe('submission_unknown');
        for (const answer of await Promise.all(resolving)) {
          // They came with the end of the submit, and a task hears messages first.
          expect(answer).toMatchObject({ cause: { type: 'InvalidInput' } });
        }
        return await tasksDoneAgain(away, aheadOfTaskSentence);
      }),
    );
  });

  it('has that task done anew, also where nothing else came with it', async () => {
    await untilSome(() =>
      whileSubmitting(done, async (away) => {
        const asked = away.handles.map(stateOf);
        await pause();
        await away.endSubmits();
        await away.comeBack();
        for (const { requestId } of await Promise.all(asked)) expect(requestId).toBe('request-1');
        await Promise.all(away.handles.map((handle) => handle.result()));
        return await tasksDoneAgain(away, aheadOfTask);
      }),
    );
  });

  it('is noticed where the task before had brought nothing, as after a read that was dropped', async () => {
    const isDrop = (it: HistoryEvent) => it.activityTaskCancelRequestedEventAttributes;
    const isTask = (it: HistoryEvent) => it.workflowTaskCompletedEventAttributes;
    const untilDropped = async (handle: WorkflowHandle) => {
      const isRead = (it: HistoryEvent) => it.activityTaskScheduledEventAttributes?.activityType?.name === 'readStatus';
      await untilSeen(async () => (await eventsOf(handle)).find(isRead));
      await untilSeen(async () => {
        // A read that has gone on for two seconds is dropped for a nudge.
        await new Promise((resolve) => setTimeout(resolve, 2_500));
        await handle.signal('nudge');
        return (await eventsOf(handle)).find(isDrop);
      });
      answers.open();
      await untilSeen(async () => {
        const events = await eventsOf(handle);
        const read = events.find(isDrop)?.activityTaskCancelRequestedEventAttributes?.scheduledEventId;
        const end = events.findIndex((it) => String(endedActivity(it)) === String(read));
        return events.slice(end === -1 ? events.length : end).find(isTask);
        // On a machine that has much to do another case is played then.
      }).catch(() => undefined);
    };
    let answers = gate();
    await untilSome(() => {
      answers = gate();
      const readBefore = new Set<string | undefined>();
      const readStatus = async () => {
        const { workflowId } = activityInfo().workflowExecution ?? {};
        if (readBefore.has(workflowId)) return await untilAborted();
        readBefore.add(workflowId);
        return await Promise.race([answers.pass().then(waiting), untilAborted()]);
      };
      return whileAway({ submitRequest: done, readStatus }, untilDropped, async (away) => {
        const asked = away.handles.map(stateOf);
        await pause();
        await Promise.all(away.handles.map((handle) => handle.signal('cancel')));
        const patience = { takenWithinMs: hangMs, answeredBy: () => performance.now() + hangMs };
        const cancel = { name: 'cancel', message: {} };
        const cancelling = away.handles.map(({ workflowId }) => sendUpdate(away.client, workflowId, cancel, patience));
        await pause();
        await away.comeBack();
        await Promise.all(asked);
        for (const reply of await Promise.all(cancelling))
          expect(reply).toMatchObject({ answer: { outcome: 'cancelled' } });
        return await tasksDoneAgain(away, aheadOfTaskSentence);
      });
    });
  });

  it('is answered of the last event where the run is closed', async () => {
    await whileSubmitting(done, async (away) => {
      await away.endSubmits();
      await Promise.all(away.handles.map((handle) => handle.terminate()));
      await away.comeBack();
      for (const state of await Promise.all(away.handles.map(stateOf))) expect(state.requestId).toBe('request-1');
    });
  });
});
