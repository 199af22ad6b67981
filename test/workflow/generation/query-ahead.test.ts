import { randomUUID } from 'node:crypto';
import { Client, type WorkflowHandle, WorkflowUpdateFailedError } from '@temporalio/client';
import { NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import { describe, expect, inject, it } from 'vitest';
import type { Activities } from '../../../domain/activities.ts';
import type { GenerationState } from '../../../domain/generation.ts';
import { submitTaskQueue } from '../../../domain/names.ts';
import { aheadOfTask, aheadOfTaskSentence } from '../../../workflows/hooks/interceptors.ts';
import { connectTo } from '../../support/connect.ts';
import { untilSeen } from '../../support/eventually.ts';
import { activityFailure, checkExecutions, happyActivities, order } from '../../support/generations.ts';
import { quietRuntime } from '../../support/quiet-runtime.ts';
import { accepted, gate } from '../../support/scripted-generations.ts';
import { sentAt } from '../../support/unknown-submissions.ts';
import { untilAnswered } from '../../support/until-answered.ts';

/** Which task a worker is given first, that of the query or that of the workflow, is up to the server: of so many one is. */
const atOnce = 10;
const done = () => Promise.resolve(accepted('request-1'));

interface Away {
  client: Client;
  handles: WorkflowHandle[];
  /** Ends the submits, which had begun before the worker went. */
  endSubmits: () => void;
  /** A worker takes up the workflows. */
  comeBack: () => Promise<void>;
}

/** Has generations submit while no worker is there for their workflows any more. */
async function whileAway<Seen>(
  submitRequest: () => ReturnType<Activities['submitRequest']>,
  use: (away: Away) => Promise<Seen>,
): Promise<Seen> {
  quietRuntime();
  const address = inject('temporalAddress');
  const connection = await NativeConnection.connect({ address });
  const clientConnection = await connectTo(address);
  const client = new Client({ connection: clientConnection });
  const taskQueue = `away-${randomUUID()}`;
  const sending = gate();
  let begun = 0;
  const submitOnce = () => ((begun += 1), sending.pass().then(submitRequest));
  const { recallSubmit, ...reads } = happyActivities();
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
    await run({ taskQueue: submitTaskQueue(taskQueue), activities: { recallSubmit, submitRequest: submitOnce } });
    const stop = await runWorkflows();
    for (let number = 0; number < atOnce; number += 1) {
      const options = { args: [order], taskQueue, workflowId: `generation-${randomUUID()}` };
      handles.push(await client.workflow.start('runcomfyGeneration', options));
    }
    await untilSeen(() => Promise.resolve(begun === atOnce || undefined));
    await stop();
    return await use({ client, handles, endSubmits: sending.open, comeBack: async () => void (await runWorkflows()) });
  } finally {
    sending.open();
    await Promise.all(handles.map((handle) => handle.terminate().catch(() => undefined)));
    await Promise.all(stops.map((stop) => stop()));
    await connection.close();
    await clientConnection.close();
  }
}

const stateOf = (handle: WorkflowHandle) => untilAnswered(() => handle.query<GenerationState>('state'));
const eventsOf = async (handle: WorkflowHandle) => (await handle.fetchHistory()).events ?? [];

/** Has the server take in how the submits ended, which makes a task that no worker takes. */
async function endSubmits({ handles, endSubmits: end }: Away): Promise<void> {
  end();
  const isEnd = (event: Awaited<ReturnType<typeof eventsOf>>[number]) =>
    event.activityTaskCompletedEventAttributes ?? event.activityTaskFailedEventAttributes;
  await Promise.all(handles.map((handle) => untilSeen(async () => (await eventsOf(handle)).find(isEnd))));
}

/** Asks for the states while nobody is there to answer, then lets the submits end; the questions are answered first, if at all. */
async function askAndEndSubmits(away: Away): Promise<Promise<GenerationState>[]> {
  const asked = away.handles.map(stateOf);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  await endSubmits(away);
  return asked;
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
      whileAway(unknown, async (away) => {
        const asked = await askAndEndSubmits(away);
        const resolve = (handle: WorkflowHandle) =>
          handle.executeUpdate('resolveSubmission', { args: [{ action: 'abandon' }], updateId: randomUUID() });
        const resolving = away.handles.map((handle) => resolve(handle).catch((error: unknown) => error));
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        await away.comeBack();
        for (const { phase } of await Promise.all(asked)) expect(phase).toBe('submission_unknown');
        // They came with the end of the submit, and a task hears messages first.
        for (const answer of await Promise.all(resolving)) expect(answer).toBeInstanceOf(WorkflowUpdateFailedError);
        return await tasksDoneAgain(away, aheadOfTaskSentence);
      }),
    );
  });

  it('has that task done anew, also where nothing else came with it', async () => {
    await untilSome(() =>
      whileAway(done, async (away) => {
        const asked = await askAndEndSubmits(away);
        await away.comeBack();
        for (const { requestId } of await Promise.all(asked)) expect(requestId).toBe('request-1');
        await Promise.all(away.handles.map((handle) => handle.result()));
        return await tasksDoneAgain(away, aheadOfTask);
      }),
    );
  });

  it('is answered of the last event where the run is closed', async () => {
    await whileAway(done, async (away) => {
      await endSubmits(away);
      await Promise.all(away.handles.map((handle) => handle.terminate()));
      await away.comeBack();
      for (const state of await Promise.all(away.handles.map(stateOf))) expect(state.requestId).toBe('request-1');
    });
  });
});
