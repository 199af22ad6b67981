import { defaultPayloadConverter, type ProtoFailure } from '@temporalio/common';
import { afterAll, beforeAll, inject } from 'vitest';
import type { WindowAnswer, WindowQuestion } from '../../domain/batch/batch-activities.ts';
import type { BatchLine, BatchRequest, BatchState, BatchTail } from '../../domain/batch/batch.ts';
import type { BatchData } from '../../workflows/batch/memory.ts';
import {
  type Command,
  type Job,
  type Moment,
  openSandbox,
  type Sandbox,
  type SandboxExecution,
} from './workflow-sandbox.ts';

const start = Date.parse('2026-11-26T05:00:00.000Z');

/**
 * One batch, run one workflow task at a time. The test decides what its activities answer and which messages it
 * receives.
 */
export interface BatchByTasks {
  /** Runs one workflow task, and answers its local activity with an empty list if it schedules one. */
  play: (...jobs: Job[]) => Promise<Command[]>;
  /** The activity of this type that the last task scheduled. */
  scheduled: (type: string) => ReturnType<typeof scheduledIn>;
  /** The question of the window that the last task scheduled; undefined if it scheduled none. */
  question: () => WindowQuestion | undefined;
  /** The memo that the last task wrote. */
  memo: () => unknown;
  /** Lets time pass before the next task. */
  wait: (ms: number) => void;
  /** Sets what later tasks are told about the history. */
  hear: (moment: Omit<Moment, 'now'>) => void;
  state: () => Promise<BatchState>;
  /** The lines that are not in any page yet. */
  tail: () => Promise<BatchLine[]>;
}

/** What a run is told when Temporal, or a client, starts it again. */
type SelfStarted = Pick<SandboxExecution, 'attempt' | 'continuedFromExecutionRunId' | 'memo'>;

type OpenBatch = (request: BatchRequest, carried?: BatchData, started?: SelfStarted) => Promise<BatchByTasks>;

/** Starts batches in a sandbox shared by all tests of a file. `carried` is what an earlier run passes on. */
export function batchesByTasks(): OpenBatch {
  let sandbox: Sandbox;
  let opened = 0;
  beforeAll(async () => {
    sandbox = await openSandbox({ codePath: inject('workflowBundlePath') });
  });
  afterAll(() => sandbox.close());
  return async (request, carried, started = {}) => {
    opened += 1;
    const names = { workflowType: 'runcomfyBatch', workflowId: 'batch', runId: `run-${String(opened)}` };
    let now = start;
    const continued = carried && { continuedFromExecutionRunId: 'before' };
    const args = [request, ...(carried ? [carried] : [])];
    const run = await sandbox.open({ ...names, args, now, ...continued, ...started });
    let commands: Command[] = [];
    let heard: Omit<Moment, 'now'> = {};
    const play = async (...jobs: Job[]) => {
      commands = await run.activate(jobs, { ...heard, now });
      const [local] = commands.flatMap(({ scheduleLocalActivity }) => scheduleLocalActivity ?? []);
      if (local) commands = [...commands, ...(await run.activate([answered(local.seq ?? 0, [])], { ...heard, now }))];
      return commands;
    };
    await play(run.first);
    return {
      play,
      scheduled: (type) => scheduledIn(commands, type),
      question() {
        const [argument] = scheduledIn(commands, 'runWindow')?.arguments ?? [];
        return argument && defaultPayloadConverter.fromPayload(argument);
      },
      memo() {
        const written = commands.flatMap(({ modifyWorkflowProperties }) => modifyWorkflowProperties ?? []).at(-1);
        const payload = written?.upsertedMemo?.fields?.['runcomfyBatch'];
        return payload && defaultPayloadConverter.fromPayload(payload);
      },
      wait(ms) {
        now += ms;
      },
      hear(moment) {
        heard = moment;
      },
      state: async () => (await run.query('state')) as BatchState,
      tail: async () => ((await run.query('results')) as BatchTail).lines,
    };
  };
}

/** The job that delivers an activity's answer. */
export function answered(seq: number | null | undefined, answer: unknown): Job {
  const result = { completed: { result: defaultPayloadConverter.toPayload(answer) } };
  return { resolveActivity: { seq: seq ?? -1, result } };
}

/**
 * The job that reports an activity as given up by Temporal or an operator: `temporal activity fail`, unless `cause`
 * says otherwise.
 */
export function givenUp(seq: number | null | undefined, cause: ProtoFailure = failedByHand()): Job {
  const activityFailureInfo = { activityType: { name: 'activity' }, activityId: '1' };
  const failure = { message: 'Activity task failed', cause, activityFailureInfo };
  return { resolveActivity: { seq: seq ?? -1, result: { failed: { failure } } } };
}

/** A non-retryable failure of an activity. Without a type it is not one of ours. */
export function failedByHand(type?: string): ProtoFailure {
  return { message: 'it looked stuck', applicationFailureInfo: { nonRetryable: true, ...(type && { type }) } };
}

/** The job that delivers a window's answer. Fields left out say that nothing happened in the window. */
export function windowAnswered(seq: number | null | undefined, answer: Partial<WindowAnswer>): Job {
  const nothing: WindowAnswer = { ended: [], open: [], givenBack: [], cursor: 0, isFirstAttempt: true };
  return answered(seq, { ...nothing, ...answer });
}

/** The job that delivers a signal. */
export function signalled(signalName: string, payload: unknown = {}): Job {
  return { signalWorkflow: { signalName, input: [defaultPayloadConverter.toPayload(payload)] } };
}

/** The job that delivers an update. */
export function updated(name: string, payload: unknown, id: string): Job {
  const input = [defaultPayloadConverter.toPayload(payload)];
  const meta = { updateId: id, identity: 'test' };
  return { doUpdate: { id, protocolInstanceId: id, name, input, runValidator: true, meta } };
}

/** The replies to a task's updates, in the order in which they were answered; for a rejected one its message. */
export function repliesIn(commands: readonly Command[]): unknown[] {
  return commands.flatMap(({ updateResponse }) => {
    if (updateResponse?.rejected) return [updateResponse.rejected.message];
    return updateResponse?.completed ? [defaultPayloadConverter.fromPayload(updateResponse.completed)] : [];
  });
}

function scheduledIn(commands: readonly Command[], type: string) {
  return commands.map(({ scheduleActivity }) => scheduleActivity).find((activity) => activity?.activityType === type);
}
