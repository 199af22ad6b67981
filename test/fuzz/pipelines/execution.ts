import { defaultPayloadConverter } from '@temporalio/common';
import type { GenerationRequest } from '../../../domain/generation.ts';
import type { PipelineState } from '../../../domain/pipeline/pipeline-run.ts';
import type { Command, Job, SandboxRun } from '../../support/workflow-sandbox.ts';
import { beginActivity, localAnswer } from './activities.ts';
import type { Execution, ExecutionSettings } from './execution-types.ts';
import { activityFailure, alreadyExists, cancelledFailure, childResult, errorOf, isRepeated } from './failures.ts';
import { isLast, signalJob, updateJob } from './jobs.ts';
import { checkReplay, eventsOf, msOf, type Task } from './replay.ts';

/** Plays Temporal's part for one pipeline: tasks, timers, activities, children, messages, and runs that continue. */
export async function startExecution(settings: ExecutionSettings): Promise<Execution> {
  const { sandbox, time, provider, activities, id, key, request } = settings;
  const { tasksPerRun, lostAnswers, isWatched = false, carried, workflowType = 'runcomfyPipeline' } = settings;
  const children: Execution['children'] = [];
  const open = new Set<string>();
  const replies = new Map<string, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let end: Execution['end'];
  const events: number[] = [];
  let attempts = 0;
  let pending: Job[] = [];
  let isTaskDue = false;
  let openLocals = 0;
  /** What the task under way has asked for: the server hears of it once its local activities have ended. */
  let held: Command[] = [];
  let tasksOfRun = 0;
  let run: SandboxRun;
  let runId = carried || settings.run?.attempt ? 'earlier' : '';
  const startedAt = time.now;
  let lastState: PipelineState | undefined;
  let tasks: Task[] = [];
  let unsettled = new Map<string, () => void>();
  let firstArgs: unknown[] = [];
  await openRun(carried ? [request, carried] : [request]);

  async function openRun(args: unknown[]): Promise<void> {
    const before = runId;
    events.push(0);
    runId = `${id}-${String(events.length)}`;
    firstArgs = args;
    tasks = [];
    tasksOfRun = 0;
    openLocals = 0;
    held = [];
    unsettled = new Map();
    run = await sandbox.open(executionOf(before));
    pending = [run.first, ...pending];
    due();
  }

  function executionOf(before: string) {
    const { memo, taskTimeoutMs, run: more } = settings;
    const first = { workflowType, workflowId: key, runId, args: firstArgs, now: time.now, startedAt };
    const later = before !== '' && { continuedFromExecutionRunId: before };
    return { ...first, memo, taskTimeoutMs, ...more, ...later };
  }

  function push(job: Job): void {
    if (end) return;
    pending.push(job);
    due();
  }

  function due(): void {
    // A local activity keeps the workflow task open: what happens meanwhile is heard of in the next one.
    if (isTaskDue || openLocals > 0) return;
    isTaskDue = true;
    time.after(time.random() * 30, task);
  }

  // What belongs to a run that has continued or ended is heard by nobody.
  function pushTo(of: string, job: Job): void {
    if (of === runId) push(job);
  }

  async function task(): Promise<void> {
    isTaskDue = false;
    if (end) return;
    tasksOfRun += 1;
    await hear(pending.splice(0));
  }

  async function hear(jobs: Job[]): Promise<void> {
    const at = { now: time.now, isContinueAsNewSuggested: tasksOfRun > tasksPerRun };
    const commands = await run.activate(jobs, at);
    tasks.push({ jobs, at, commands });
    events.push((events.pop() ?? 0) + eventsOf(jobs, commands));
    for (const { scheduleLocalActivity } of commands) if (scheduleLocalActivity) beginLocal(scheduleLocalActivity);
    held.push(...commands.filter(({ scheduleLocalActivity }) => !scheduleLocalActivity));
    if (openLocals === 0 || held.some(isLast)) await complete();
    else if (settings.isAsked) {
      // The query is answered beside the local activities: the task ends, and they go on in the next.
      await complete();
      if (!end && pending.length > 0) await hear(pending.splice(0));
    }
  }

  async function complete(): Promise<void> {
    for (const command of held.splice(0)) await take(command);
    if (openLocals === 0 && pending.length > 0) due();
  }

  /** An answer that is part of the task which asked for it. */
  function beginLocal(command: NonNullable<Command['scheduleLocalActivity']>): void {
    const seq = command.seq ?? 0;
    const { ms, answer } = localAnswer(activities, command, { isLost: lostAnswers.includes(attempts++), time });
    openLocals += 1;
    const of = runId;
    time.after(ms, async () => {
      const result = await answer();
      // What a run has begun that continues or ends is given up.
      if (end || of !== runId) return;
      openLocals -= 1;
      await hear([{ resolveActivity: { seq, isLocal: true, result } }]);
    });
  }

  async function take(command: Command): Promise<void> {
    const of = runId;
    if (command.startTimer) {
      const { seq = 0, startToFireTimeout } = command.startTimer;
      const name = `timer ${String(seq)}`;
      unsettled.set(name, () => undefined);
      time.after(msOf(startToFireTimeout), () => {
        if (of === runId && unsettled.delete(name)) pushTo(of, { fireTimer: { seq: seq ?? 0 } });
      });
    } else if (command.cancelTimer) {
      unsettled.delete(`timer ${String(command.cancelTimer.seq)}`);
    } else if (command.scheduleActivity) {
      beginAttempts(of, command.scheduleActivity);
    } else if (command.requestCancelActivity) {
      const seq = command.requestCancelActivity.seq ?? 0;
      const name = `activity ${String(seq)}`;
      const cancel = unsettled.get(name);
      if (cancel && unsettled.delete(name)) {
        cancel();
        pushTo(of, { resolveActivity: { seq, result: { cancelled: { failure: cancelledFailure } } } });
      }
    } else if (command.startChildWorkflowExecution) {
      await startChild(of, command.startChildWorkflowExecution);
    } else if (command.updateResponse) {
      answer(command.updateResponse);
    } else if (command.continueAsNewWorkflowExecution) {
      const underWay = [...unsettled.keys()].filter((name) => !name.startsWith('timer'));
      if (underWay.length > 0) throw new Error(`a run continued with ${underWay.join(', ')} under way`);
      await closeRun();
      const args = (command.continueAsNewWorkflowExecution.arguments ?? []).map((payload) =>
        defaultPayloadConverter.fromPayload(payload),
      );
      await openRun(args);
    } else if (command.completeWorkflowExecution) {
      const payload = command.completeWorkflowExecution.result;
      await close({ result: defaultPayloadConverter.fromPayload(payload ?? {}) });
    } else if (command.failWorkflowExecution) {
      await close({ error: errorOf(command.failWorkflowExecution.failure ?? {}) });
    } else if (command.cancelWorkflowExecution) {
      await close({ error: errorOf(cancelledFailure) });
    }
  }

  function beginAttempts(of: string, { seq, activityType, arguments: args }: NonNullable<Command['scheduleActivity']>) {
    const name = `activity ${String(seq)}`;
    const question = defaultPayloadConverter.fromPayload<unknown>(args?.[0] ?? {});
    let cancel = () => {};
    unsettled.set(name, () => {
      cancel();
    });
    const attempt = () => {
      if (of !== runId || !unsettled.has(name)) return;
      const number = attempts++;
      const activity = beginActivity(activities, activityType ?? '', question);
      cancel = activity.cancel;
      activity.done.then(
        (value) => {
          if (lostAnswers.includes(number)) time.after(1_000, attempt);
          else settle({ completed: { result: defaultPayloadConverter.toPayload(value) } });
        },
        (error: unknown) => {
          if (isRepeated(error)) time.after(1_000, attempt);
          else settle({ failed: { failure: activityFailure(error) } });
        },
      );
    };
    const settle = (result: NonNullable<NonNullable<Job['resolveActivity']>['result']>) => {
      time.after(time.random() * 40, () => {
        if (of === runId && unsettled.delete(name)) pushTo(of, { resolveActivity: { seq: seq ?? 0, result } });
      });
    };
    time.after(time.random() * 60, attempt);
  }

  async function startChild(of: string, order: NonNullable<Command['startChildWorkflowExecution']>): Promise<void> {
    const { seq, workflowId, workflowType, input, workflowIdReusePolicy } = order;
    const childKey = workflowId ?? '';
    const known = provider.newest(childKey);
    const mayStart =
      known === undefined ||
      (Number(workflowIdReusePolicy) !== 3 /* REJECT_DUPLICATE */ && known.end && 'failure' in known.end);
    if (!mayStart) {
      const failed = { workflowId: childKey, workflowType: workflowType ?? '', cause: alreadyExists };
      time.after(time.random() * 30, () =>
        pushTo(of, { resolveChildWorkflowExecutionStart: { seq: seq ?? 0, failed } }),
      );
      return;
    }
    children.push({ key: childKey, startedAt: time.now, state: isWatched ? await state() : undefined });
    open.add(childKey);
    unsettled.set(`child ${childKey}`, () => undefined);
    const started = provider.start({
      key: childKey,
      parent: id,
      request: defaultPayloadConverter.fromPayload<GenerationRequest>(input?.[0] ?? {}),
      isEndOf(how, child) {
        open.delete(childKey);
        const result = childResult(childKey, how, child.fate === 'is terminated');
        time.after(time.random() * 30, () => {
          if (of === runId && unsettled.delete(`child ${childKey}`)) {
            pushTo(of, { resolveChildWorkflowExecution: { seq: seq ?? 0, result } });
          }
        });
      },
    });
    time.after(time.random() * 30, () => {
      pushTo(of, { resolveChildWorkflowExecutionStart: { seq: seq ?? 0, succeeded: { runId: started.runId } } });
    });
  }

  function answer({ protocolInstanceId: id, completed, rejected }: NonNullable<Command['updateResponse']>): void {
    const reply = replies.get(id ?? '');
    if (completed) reply?.resolve(defaultPayloadConverter.fromPayload(completed));
    if (rejected) reply?.reject(errorOf(rejected));
  }

  async function close(how: NonNullable<Execution['end']>): Promise<void> {
    end = how;
    // The close policy of every child.
    for (const child of open) provider.requestCancel(child);
    for (const { resolve } of replies.values()) resolve(undefined);
    lastState = (await run.query('state')) as PipelineState;
    await closeRun();
  }

  async function closeRun(): Promise<void> {
    const before = tasks[0]?.jobs[0]?.initializeWorkflow?.continuedFromExecutionRunId ?? '';
    const { flags } = run;
    await run.dispose();
    await checkReplay(sandbox, executionOf(before), tasks, flags);
  }

  const state = async () => lastState ?? ((await run.query('state')) as PipelineState);
  return {
    key,
    children,
    get end() {
      return end;
    },
    get runs() {
      return events.length;
    },
    events,
    get tasks() {
      return tasks;
    },
    state,
    signal(signalName, payload) {
      push(signalJob(signalName, payload));
    },
    async update(name, payload) {
      if (end) return undefined;
      const id = `update-${String(replies.size + 1)}`;
      const reply = new Promise((resolve, reject) => replies.set(id, { resolve, reject }));
      push(updateJob(id, name, payload));
      return await reply;
    },
    cancel() {
      push({ cancelWorkflow: {} });
    },
    terminate() {
      if (end) return;
      end = { error: new Error('terminated') };
      for (const child of open) provider.requestCancel(child);
      for (const { resolve } of replies.values()) resolve(undefined);
    },
    async dispose() {
      if (lastState === undefined) {
        // A run that was ended before its first task has one all the same once it is asked.
        if (tasks.length === 0) await run.activate([run.first], { now: time.now, isContinueAsNewSuggested: false });
        lastState = (await run.query('state')) as PipelineState;
        await run.dispose();
      }
    },
  };
}
