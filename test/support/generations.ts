import { randomUUID } from 'node:crypto';
import {
  Client,
  WorkflowFailedError,
  type WorkflowHandleWithFirstExecutionRunId,
  type WorkflowStartOptions,
} from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import proto from '@temporalio/proto';
import { NativeConnection, Worker } from '@temporalio/worker';
import { expect, inject } from 'vitest';
import type { Activities, StatusReading } from '../../domain/activities.ts';
import type { FailureDetails, GenerationRequest, GenerationResult, GenerationState } from '../../domain/generation.ts';
import { searchAttributeNames, submitTaskQueue } from '../../domain/names.ts';
import type { runcomfyGeneration } from '../../workflows/generation/generation.ts';
import { aheadOfTask, aheadOfTaskSentence } from '../../workflows/hooks/interceptors.ts';
import { connectTo } from './connect.ts';
import { createPatience, hangMs } from './patience.ts';
import { quietRuntime } from './quiet-runtime.ts';
import { untilAnswered } from './until-answered.ts';

const { WorkflowTaskFailedCause } = proto.temporal.api.enums.v1;

export type History = Awaited<ReturnType<GenerationRun['fetchHistory']>>;
export type GenerationRun = WorkflowHandleWithFirstExecutionRunId<typeof runcomfyGeneration>;

export interface Rig {
  client: Client;
  taskQueue: string;
  /** Starts a generation; the request need not be valid. */
  start: (request?: unknown, options?: Partial<WorkflowStartOptions> & { args?: unknown[] }) => Promise<GenerationRun>;
  /** Starts a generation together with a signal, which is thus there before any workflow code runs. */
  startWithSignal: (signal: string, signalArgs: unknown[], request?: unknown) => Promise<GenerationRun>;
  /** Includes an execution that was started elsewhere in the checks at the end. */
  adopt: (workflowId: string) => GenerationRun;
  /** Starts workers on the queue, for a rig made without them. */
  startWorkers: () => Promise<void>;
}

export const order: GenerationRequest = {
  model: 'kling/kling-3.0/standard/image-to-video',
  input: { prompt: 'a cat' },
};

export const output = { images: [], videos: ['https://cdn.example/out.mp4'], audios: [] };

/** A status reading as an activity returns it, with the next read after 20 ms. */
export function reading(status: StatusReading['status'], more: Partial<StatusReading> = {}): StatusReading {
  return { status, reads: 1, readAt: new Date().toISOString(), nextReadInMs: 20, ...more };
}

/** Activities of a RunComfy that reports "queued" once, "running" once, and then success. */
export function happyActivities(): Activities {
  const statuses: StatusReading['status'][] = ['in_queue', 'in_progress'];
  const now = () => new Date().toISOString();
  return {
    submitRequest: () =>
      Promise.resolve({
        requestId: 'request-1',
        submittedAt: now(),
        nextReadInMs: 20,
        searchAttributes: searchAttributeNames,
      }),
    recallSubmit: () => Promise.resolve({ isReset: false }),
    readStatus: () => Promise.resolve(reading(statuses.shift() ?? 'finished')),
    fetchResult: () => Promise.resolve({ status: 'succeeded', output, costUsd: 1.26, reads: 1, readAt: now() }),
    cancelRequest: () => Promise.resolve({ outcome: 'cancelled', status: 'cancelled', reads: 1, readAt: now() }),
    checkAdoption: () => Promise.resolve({ reads: 1, nextReadInMs: 0, searchAttributes: searchAttributeNames }),
    gatherEvidence: () => Promise.resolve({ note: 'a hint' }),
    listSearchAttributes: ({ names }) => Promise.resolve({ existing: names }),
  };
}

/**
 * Runs generations against scripted activities on a task queue of their own. When the test ends, every execution it
 * started is checked for failed workflow tasks and replayed.
 */
export async function withGenerations(
  scripted: Partial<Activities>,
  use: (rig: Rig) => Promise<void>,
  {
    withoutWorkers = false,
    address = inject('temporalAddress'),
    provoked,
  }: { withoutWorkers?: boolean; address?: string; provoked?: RegExp } = {},
): Promise<void> {
  quietRuntime();
  const connection = await NativeConnection.connect({ address });
  const clientConnection = await connectTo(address);
  const client = new Client({ connection: clientConnection });
  const taskQueue = `test-${randomUUID()}`;
  const handles: GenerationRun[] = [];
  const running: { worker: Worker; done: Promise<void> }[] = [];
  const { submitRequest, recallSubmit, ...reads } = { ...happyActivities(), ...scripted };

  const startWorkers = async () => {
    const workflowBundle = { codePath: inject('workflowBundlePath') };
    // Patient settings, so that on a busy machine no task fails and no worker counts as lost between two heartbeats
    // that the SDK throttles. An activity that a failed test left waiting is still ended.
    const patient = {
      connection,
      isolateExecutionTimeout: hangMs,
      maxHeartbeatThrottleInterval: '1 second',
      shutdownForceTime: hangMs / 4,
    } as const;
    const workers = await Promise.all([
      Worker.create({ ...patient, taskQueue, workflowBundle, activities: { ...reads, recallSubmit } }),
      Worker.create({ ...patient, taskQueue: submitTaskQueue(taskQueue), activities: { submitRequest, recallSubmit } }),
    ]);
    running.push(...workers.map((worker) => ({ worker, done: worker.run() })));
  };
  const rig: Rig = {
    client,
    taskQueue,
    startWorkers,
    adopt(workflowId) {
      const handle = client.workflow.getHandle<typeof runcomfyGeneration>(workflowId) as unknown as GenerationRun;
      handles.push(handle);
      return handle;
    },
    async start(request = order, options = {}) {
      const handle = await client.workflow.start<typeof runcomfyGeneration>('runcomfyGeneration', {
        args: [request as GenerationRequest],
        workflowId: `generation-${randomUUID()}`,
        taskQueue,
        ...options,
      } as Parameters<typeof client.workflow.start<typeof runcomfyGeneration>>[1]);
      handles.push(handle);
      return handle;
    },
    async startWithSignal(signal, signalArgs, request = order) {
      const handle = await client.workflow.signalWithStart<typeof runcomfyGeneration, unknown[]>('runcomfyGeneration', {
        args: [request as GenerationRequest],
        workflowId: `generation-${randomUUID()}`,
        taskQueue,
        signal,
        signalArgs,
      });
      return this.adopt(handle.workflowId);
    },
  };
  try {
    if (!withoutWorkers) await startWorkers();
    await use(rig);
    await checkExecutions(
      client,
      handles.map(({ workflowId }) => workflowId),
      provoked,
    );
  } finally {
    await Promise.all(handles.map((handle) => handle.terminate('test over').catch(() => undefined)));
    for (const { worker } of running) worker.shutdown();
    await Promise.all(running.map(({ done }) => done));
    await connection.close();
    await clientConnection.close();
  }
}

/**
 * Checks every run of the workflow: no workflow task failed except those that the test provoked, and its history
 * replays.
 */
export function checkExecution(client: Client, workflowId: string, provoked?: RegExp): Promise<void> {
  return checkExecutions(client, [workflowId], provoked);
}

/** Like `checkExecution`, for many workflows with a single replay worker. */
export async function checkExecutions(client: Client, workflowIds: string[], provoked?: RegExp): Promise<void> {
  const runsOf = async (workflowId: string) =>
    (await historiesOf(client, workflowId)).map((history) => ({ workflowId, history }));
  const runs = (await Promise.all(workflowIds.map(runsOf))).flat();
  const failed = runs.flatMap(({ workflowId, history }) =>
    failedTasks(history)
      .filter((why) => !provoked?.test(why))
      .map((why) => `${workflowId}: ${why}`),
  );
  expect(failed).toEqual([]);
  if (runs.length === 0) return;
  const options = { workflowBundle: { codePath: inject('workflowBundlePath') }, isolateExecutionTimeout: hangMs };
  // Keeps the SDK's runtime alive: the SDK shuts it down with its last user, even while another is about to start.
  const connection = await NativeConnection.connect({ address: inject('temporalAddress') });
  try {
    for await (const { workflowId, error } of Worker.runReplayHistories(options, runs)) {
      expect(error, `the history of ${workflowId} does not replay`).toBeUndefined();
    }
  } finally {
    await connection.close();
  }
}

/**
 * Causes with which the server ends a task in normal operation: a message arrived while a run was closing, or the run
 * timed out during the task.
 */
const ordinaryCauses = [
  WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND,
  WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND,
];

/**
 * Why workflow tasks failed. Leaves out tasks that a query ran ahead of: they are retried, and happen now and then on a
 * busy machine.
 */
function failedTasks(history: History): string[] {
  return (history.events ?? []).flatMap(({ workflowTaskFailedEventAttributes: failed }) => {
    if (!failed || (failed.cause && ordinaryCauses.includes(failed.cause))) return [];
    const why = failed.failure?.message ?? String(failed.cause);
    return why.includes(aheadOfTaskSentence) || why.includes(aheadOfTask) ? [] : [why];
  });
}

/** The histories of all runs of a workflow id, oldest first. */
export async function historiesOf(client: Client, workflowId: string): Promise<History[]> {
  const histories: History[] = [];
  let runId: string | undefined = (await client.workflow.getHandle(workflowId).describe()).runId;
  while (runId) {
    const history: History = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    histories.unshift(history);
    runId = history.events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId ?? undefined;
  }
  return histories;
}

/** The workflow task timeout of the first run of a key, in seconds. */
export async function taskTimeoutSecondsOf(client: Client, workflowId: string): Promise<number> {
  const [history] = await historiesOf(client, workflowId);
  const { workflowTaskTimeout } = history?.events?.[0]?.workflowExecutionStartedEventAttributes ?? {};
  return Number(workflowTaskTimeout?.seconds);
}

/** A history in the format that `temporal workflow show --output json` writes and replay reads. */
export function historyJson(history: History): string {
  return historyToJSON(history);
}

export interface Ending {
  result?: GenerationResult;
  /** Type of the `ApplicationFailure`, or `Canceled`. */
  type?: string;
  message?: string;
  details?: FailureDetails;
  state: GenerationState;
}

/** How a generation ended, be it with a result or a failure. */
export async function endingOf(handle: GenerationRun): Promise<Ending> {
  try {
    const result = await handle.result();
    return { result, state: await stateOf(handle) };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const state = await stateOf(handle);
    if (error.cause instanceof CancelledFailure) return { type: 'Canceled', state };
    if (!(error.cause instanceof ApplicationFailure)) throw error;
    const { type, message, details } = error.cause;
    return { type: type ?? '', message, details: details?.[0] as FailureDetails, state };
  }
}

/** The state of a generation. */
export function stateOf(handle: { query: GenerationRun['query'] }): Promise<GenerationState> {
  return untilAnswered(() => handle.query<GenerationState>('state'));
}

/** Waits for a state; if it is never reached, the error names the last one seen. */
export async function untilState(
  handle: { query: GenerationRun['query'] },
  isReached: (state: GenerationState) => boolean,
): Promise<GenerationState> {
  const patience = createPatience();
  for (;;) {
    const state = await stateOf(handle);
    if (isReached(state)) return state;
    if (patience.isOver()) throw new Error(`the state did not come; last seen: ${JSON.stringify(state)}`);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

/** A failure as an activity throws it. */
export function activityFailure(
  type: string,
  details: object = {},
  more: { retryable?: boolean; nextRetryDelay?: number } = {},
) {
  return ApplicationFailure.create({
    type,
    message: `scripted ${type}`,
    nonRetryable: more.retryable !== true,
    details: [details],
    ...(more.nextRetryDelay !== undefined && { nextRetryDelay: more.nextRetryDelay }),
  });
}
