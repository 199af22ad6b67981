import { defaultPayloadConverter, toPayloads } from '@temporalio/common';
import { createBatchActivities } from '../../../activities/batch/index.ts';
import type { BatchRequest, BatchResult, BatchState, BatchTail } from '../../../domain/batch/batch.ts';
import type { Command, Job, Sandbox, SandboxRun } from '../../support/workflow-sandbox.ts';
import { beginActivity } from '../pipelines/activities.ts';
import { activityFailure, cancelledFailure, errorOf } from '../pipelines/failures.ts';
import { checkReplay, msOf, type Task } from '../pipelines/replay.ts';
import type { VirtualTime } from '../pipelines/virtual-time.ts';
import type { Outside } from './orders.ts';
import type { BatchScript } from './script.ts';

/** A batch that Temporal's part is played for. */
export interface BatchExecution {
  readonly end: { result: BatchResult } | { error: Error } | undefined;
  readonly runs: number;
  readonly events: number;
  /** Of each workflow task, in their order. */
  states: BatchState[];
  /** What of the page that is not written yet was told then. */
  tails: BatchTail[];
  push: (job: Job) => void;
  update: (name: string, payload?: unknown) => Promise<unknown>;
}

type Result = NonNullable<NonNullable<Job['resolveActivity']>['result']>;

/** The heartbeat of a dead worker is missed for so long, and the attempt repeated so much later. */
const missedAfterMs = 11_000;

/** Plays Temporal's part for one batch: tasks, timers, activities on workers that die, messages, and runs that continue. */
export async function startBatchExecution(parts: {
  sandbox: Sandbox;
  time: VirtualTime;
  outside: Outside;
  script: BatchScript;
  id: string;
  request: BatchRequest;
}): Promise<BatchExecution> {
  const { sandbox, time, outside, script, id, request } = parts;
  const replies = new Map<string, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  const [states, tails]: [BatchState[], BatchTail[]] = [[], []];
  let end: BatchExecution['end'];
  let [runs, attempts, events] = [0, 0, 0];
  let pending: Job[] = [];
  let isDue = false;
  let run: SandboxRun;
  let runId = '';
  let args: unknown[] = [request];
  let tasks: Task[] = [];
  /** What is under way, and how it is cancelled. */
  let underWay = new Map<string, () => void>();
  await openRun();

  function executionOf(before: string) {
    const continued = before !== '' && { continuedFromExecutionRunId: before };
    const firstExecutionRunId = `${id}-1`;
    return {
      workflowType: 'runcomfyBatch',
      workflowId: id,
      runId,
      firstExecutionRunId,
      args,
      now: time.now,
      ...continued,
    };
  }

  async function openRun(): Promise<void> {
    const before = runId;
    runs += 1;
    runId = `${id}-${String(runs)}`;
    tasks = [];
    underWay = new Map();
    run = await sandbox.open(executionOf(before));
    pending = [run.first, ...pending];
    due();
  }

  function push(job: Job, of = runId): void {
    if (end || of !== runId) return;
    pending.push(job);
    due();
  }

  function due(): void {
    if (isDue) return;
    isDue = true;
    time.after(time.random() * 30, async () => {
      isDue = false;
      if (!end) await hear(pending.splice(0));
    });
  }

  async function hear(jobs: Job[]): Promise<void> {
    const at = { now: time.now, isContinueAsNewSuggested: tasks.length >= script.tasksPerRun };
    const commands = await run.activate(jobs, at);
    tasks.push({ jobs, at, commands });
    events += 3 + jobs.length + commands.length;
    const state = (await run.query('state')) as BatchState;
    states.push(state);
    tails.push((await run.query('results', { page: state.resultPages })) as BatchTail);
    for (const command of commands) await take(command);
  }

  async function take(command: Command): Promise<void> {
    const of = runId;
    if (command.startTimer) {
      const { startToFireTimeout } = command.startTimer;
      const seq = command.startTimer.seq ?? 0;
      underWay.set(`timer ${String(seq)}`, () => undefined);
      time.after(msOf(startToFireTimeout), () => {
        if (of === runId && underWay.delete(`timer ${String(seq)}`)) push({ fireTimer: { seq } }, of);
      });
    } else if (command.cancelTimer) {
      underWay.delete(`timer ${String(command.cancelTimer.seq)}`);
    } else if (command.scheduleActivity) {
      schedule(of, command.scheduleActivity);
    } else if (command.requestCancelActivity) {
      underWay.get(`activity ${String(command.requestCancelActivity.seq)}`)?.();
    } else if (command.updateResponse) {
      const { protocolInstanceId, completed, rejected } = command.updateResponse;
      const reply = replies.get(protocolInstanceId ?? '');
      if (completed) reply?.resolve(defaultPayloadConverter.fromPayload(completed));
      if (rejected) reply?.reject(errorOf(rejected));
    } else if (command.continueAsNewWorkflowExecution) {
      if (underWay.size > 0) throw new Error(`a run continued with ${[...underWay.keys()].join(', ')} under way`);
      await closeRun();
      const next = command.continueAsNewWorkflowExecution.arguments ?? [];
      args = next.map((payload) => defaultPayloadConverter.fromPayload(payload));
      await openRun();
    } else if (command.completeWorkflowExecution) {
      const { result } = command.completeWorkflowExecution;
      await close({ result: defaultPayloadConverter.fromPayload(result ?? {}) });
    } else if (command.failWorkflowExecution) {
      await close({ error: errorOf(command.failWorkflowExecution.failure ?? {}) });
    } else if (command.cancelWorkflowExecution) {
      await close({ error: errorOf(cancelledFailure) });
    }
  }

  function schedule(of: string, { seq, activityType, arguments: given }: NonNullable<Command['scheduleActivity']>) {
    const name = `activity ${String(seq)}`;
    const question = defaultPayloadConverter.fromPayload<{ lastsMs?: number }>(given?.[0] ?? {});
    let cancel: (() => void) | undefined;
    let isCancelled = false;
    let tries = 0;
    const settle = (result: Result) => {
      time.after(time.random() * 40, () => {
        if (of === runId && underWay.delete(name)) push({ resolveActivity: { seq: seq ?? 0, result } }, of);
      });
    };
    underWay.set(name, () => {
      isCancelled = true;
      // Between two attempts nobody has it.
      if (cancel) cancel();
      else settle({ cancelled: { failure: cancelledFailure } });
    });
    const scheduledTimestampMs = time.now;
    const attempt = () => {
      if (of !== runId || !underWay.has(name) || isCancelled) return;
      const number = attempts++;
      tries += 1;
      const [stopping, dead] = [new AbortController(), new AbortController()];
      const activities = createBatchActivities(outside.depsOf({ stopping: stopping.signal, dead: dead.signal }));
      const activity = beginActivity(activities, activityType ?? '', question, {
        attempt: tries,
        scheduledTimestampMs,
      });
      cancel = activity.cancel;
      let isOver = false;
      // On this clock nothing else ends a window.
      if (question.lastsMs !== undefined) {
        time.after(question.lastsMs, () => {
          stopping.abort();
        });
      }
      const death = script.deaths.find((each) => each.attempt === number);
      if (death) {
        time.after(death.afterMs, () => {
          if (isOver) return;
          dead.abort();
          stopping.abort();
          time.after(missedAfterMs, () => {
            cancel = undefined;
            if (isCancelled) settle({ failed: { failure: lostFailure } });
            else attempt();
          });
        });
      }
      activity.done.then(
        (value) => {
          isOver = true;
          if (!dead.signal.aborted) settle({ completed: { result: defaultPayloadConverter.toPayload(value) } });
        },
        (error: unknown) => {
          isOver = true;
          if (!dead.signal.aborted) settle({ failed: { failure: activityFailure(error) } });
        },
      );
    };
    time.after(time.random() * 60, attempt);
  }

  async function close(how: NonNullable<BatchExecution['end']>): Promise<void> {
    end = how;
    for (const { resolve } of replies.values()) resolve(undefined);
    await closeRun();
  }

  async function closeRun(): Promise<void> {
    const before = tasks[0]?.jobs[0]?.initializeWorkflow?.continuedFromExecutionRunId ?? '';
    const { flags } = run;
    await run.dispose();
    await checkReplay(sandbox, executionOf(before), tasks, flags);
  }

  return {
    states,
    tails,
    push,
    get end() {
      return end;
    },
    get runs() {
      return runs;
    },
    get events() {
      return events;
    },
    update: (name, payload) =>
      new Promise((resolve, reject) => {
        if (end) {
          resolve(undefined);
          return;
        }
        const protocolInstanceId = `update-${String(replies.size + 1)}`;
        replies.set(protocolInstanceId, { resolve, reject });
        const input = payload === undefined ? [] : (toPayloads(defaultPayloadConverter, payload) ?? []);
        const meta = { updateId: protocolInstanceId, identity: 'fuzz' };
        push({ doUpdate: { id: protocolInstanceId, protocolInstanceId, name, input, runValidator: true, meta } });
      }),
  };
}

/** The worker was killed after the activity was asked to stop. */
const lostFailure = {
  message: 'Activity task timed out',
  cause: { message: 'activity Heartbeat timeout', timeoutFailureInfo: { timeoutType: 4 } },
  activityFailureInfo: { activityType: { name: 'runWindow' }, activityId: '1', retryState: 7 },
};
