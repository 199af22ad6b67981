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

/** One batch, task by task: what its activities answer and what it is told is the test's own. */
export interface BatchByTasks {
  /** One workflow task; what the local activity of payloads answers is played along. */
  play: (...jobs: Job[]) => Promise<Command[]>;
  /** What the last task asked for. */
  scheduled: (type: string) => ReturnType<typeof scheduledIn>;
  /** What the window that the last task asked for is asked; undefined: it asked for none. */
  question: () => WindowQuestion | undefined;
  /** The memo that the last task wrote. */
  memo: () => unknown;
  /** Lets so much time pass before the next task. */
  wait: (ms: number) => void;
  /** What later tasks hear of the history. */
  hear: (moment: Omit<Moment, 'now'>) => void;
  state: () => Promise<BatchState>;
  /** The lines that no page holds. */
  tail: () => Promise<BatchLine[]>;
}

/** What is told of a run that Temporal starts by itself, or a client anew. */
type SelfStarted = Pick<SandboxExecution, 'attempt' | 'continuedFromExecutionRunId' | 'memo'>;

type OpenBatch = (request: BatchRequest, carried?: BatchData, started?: SelfStarted) => Promise<BatchByTasks>;

/** Starts batches in the sandbox that all tests of a file share; `carried`: what a run before hands on. */
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

/** An activity has answered. */
export function answered(seq: number | null | undefined, answer: unknown): Job {
  const result = { completed: { result: defaultPayloadConverter.toPayload(answer) } };
  return { resolveActivity: { seq: seq ?? -1, result } };
}

/** Temporal, or somebody at its controls, has given an activity up: `temporal activity fail`, unless told otherwise. */
export function givenUp(seq: number | null | undefined, cause: ProtoFailure = failedByHand()): Job {
  const activityFailureInfo = { activityType: { name: 'activity' }, activityId: '1' };
  const failure = { message: 'Activity task failed', cause, activityFailureInfo };
  return { resolveActivity: { seq: seq ?? -1, result: { failed: { failure } } } };
}

/** What an activity ends with that is not to be tried again; without a type it is none of ours. */
export function failedByHand(type?: string): ProtoFailure {
  return { message: 'it looked stuck', applicationFailureInfo: { nonRetryable: true, ...(type && { type }) } };
}

/** A window has answered; what is not given is as if nothing had happened in it. */
export function windowAnswered(seq: number | null | undefined, answer: Partial<WindowAnswer>): Job {
  const nothing: WindowAnswer = { ended: [], open: [], givenBack: [], cursor: 0, isFirstAttempt: true };
  return answered(seq, { ...nothing, ...answer });
}

/** Somebody says something, without waiting for an answer. */
export function signalled(signalName: string, payload: unknown = {}): Job {
  return { signalWorkflow: { signalName, input: [defaultPayloadConverter.toPayload(payload)] } };
}

/** Somebody sends an update. */
export function updated(name: string, payload: unknown, id: string): Job {
  const input = [defaultPayloadConverter.toPayload(payload)];
  const meta = { updateId: id, identity: 'test' };
  return { doUpdate: { id, protocolInstanceId: id, name, input, runValidator: true, meta } };
}

/** What became of the updates of a task, in the order of their answers. */
export function repliesIn(commands: readonly Command[]): unknown[] {
  return commands.flatMap(({ updateResponse }) => {
    if (updateResponse?.rejected) return [updateResponse.rejected.message];
    return updateResponse?.completed ? [defaultPayloadConverter.fromPayload(updateResponse.completed)] : [];
  });
}

function scheduledIn(commands: readonly Command[], type: string) {
  return commands.map(({ scheduleActivity }) => scheduleActivity).find((activity) => activity?.activityType === type);
}
