import { defaultPayloadConverter, type Payload, toPayloads } from '@temporalio/common';
import type {
  BudgetRequest,
  BudgetState,
  ReconcileQuestion,
  ReserveReply,
  Settlement,
} from '../../domain/budget/budget.ts';
import { budgetId } from '../../domain/budget/names.ts';
import { msOf } from '../fuzz/pipelines/replay.ts';
import { type Command, type Job, type Sandbox, type SandboxRun, takeDue } from './workflow-sandbox.ts';

let runs = 0;

/** What the look-up of orders returns. `lost`: the activity fails; `hangs`: it never answers. */
type LookUp = (question: ReconcileQuestion) => Settlement[] | 'lost' | 'hangs';

/** A budget on a clock of its own. When it continues as new, the new run is started automatically. */
export async function budgetInProcess(
  sandbox: Sandbox,
  startedAt: number,
  request: BudgetRequest,
  lookUp: LookUp = () => [],
) {
  let now = startedAt;
  let run: SandboxRun;
  let timers = new Map<number, number>();
  let continued = 0;
  let isLong = false;
  let messages = 0;
  let hanging: number | undefined;
  let argsOfRun: unknown[] = [];
  const asked: { at: number; keys: string[]; reservedAt: (number | undefined)[] }[] = [];
  const open = async (args: unknown[], former?: string, attempt = 1) => {
    runs += 1;
    argsOfRun = args;
    timers = new Map();
    isLong = false;
    const runId = `budget-run-${String(runs)}`;
    const execution = { workflowType: 'runcomfyBudget', workflowId: budgetId('clock'), runId, args, now, attempt };
    run = await sandbox.open({ ...execution, continuedFromExecutionRunId: former });
    return { runId, commands: await run.activate([run.first], { now }) };
  };

  async function take(commands: Command[], runId: string): Promise<Command[]> {
    const jobs: Job[] = [];
    for (const { startTimer, cancelTimer, scheduleActivity, continueAsNewWorkflowExecution } of commands) {
      if (startTimer) timers.set(startTimer.seq ?? 0, now + msOf(startTimer.startToFireTimeout));
      if (cancelTimer) timers.delete(cancelTimer.seq ?? 0);
      if (scheduleActivity) jobs.push(...answersOf(scheduleActivity.seq ?? 0, scheduleActivity.arguments?.[0]));
      if (continueAsNewWorkflowExecution) {
        continued += 1;
        const args = (continueAsNewWorkflowExecution.arguments ?? []).map((payload): unknown =>
          defaultPayloadConverter.fromPayload(payload),
        );
        await run.dispose();
        const next = await open(args, runId);
        current = next.runId;
        return [...commands, ...(await take(next.commands, next.runId))];
      }
    }
    if (jobs.length === 0) return commands;
    return [...commands, ...(await take(await run.activate(jobs, { now, isContinueAsNewSuggested: isLong }), runId))];
  }

  function answersOf(
    seq: number,
    payload: Parameters<typeof defaultPayloadConverter.fromPayload>[0] | undefined,
  ): Job[] {
    const question: ReconcileQuestion = payload ? defaultPayloadConverter.fromPayload(payload) : { reservations: [] };
    const reservedAt = question.reservations.map((reservation) => reservation.reservedAt);
    asked.push({ at: now, keys: question.reservations.map(({ key }) => key), reservedAt });
    const settlements = lookUp(question);
    if (settlements === 'hangs') {
      hanging = seq;
      return [];
    }
    if (settlements === 'lost') {
      const activityFailureInfo = { activityType: { name: 'reconcileReservations' }, activityId: '1' };
      const failure = { message: '', cause: { message: 'timed out', timeoutFailureInfo: { timeoutType: 1 } } };
      return [{ resolveActivity: { seq, result: { failed: { failure: { ...failure, activityFailureInfo } } } } }];
    }
    return [answered(seq, settlements)];
  }

  const first = await open([request]);
  let current = first.runId;
  await take(first.commands, first.runId);

  async function send(jobs: Job[], isContinueAsNewSuggested = false): Promise<Command[]> {
    return await take(await run.activate(jobs, { now, isContinueAsNewSuggested }), current);
  }

  function updateOf(requests: { key: string; priceUsd: number }[]): Job {
    return named('reserve', toPayloads(defaultPayloadConverter, { requests }));
  }

  function named(name: string, input: Payload[] = []): Job {
    messages += 1;
    const id = `update-${String(messages)}`;
    const update = { id, protocolInstanceId: id, name, input, runValidator: true };
    return { doUpdate: { ...update, meta: { updateId: id } } };
  }
  return {
    asked,
    continued: () => continued,
    /** Times the run out; Temporal retries it with its original arguments. */
    async retry() {
      await run.dispose();
      const next = await open(argsOfRun, current, 2);
      current = next.runId;
      return await take(next.commands, current);
    },
    /** From now on, the server suggests to continue as new. */
    grow: () => (isLong = true),
    state: () => run.query('state') as Promise<BudgetState>,
    /** Lets time pass, firing the timers that become due. */
    async pass(ms: number) {
      const until = now + ms;
      for (let due = takeDue(timers, until); due; due = takeDue(timers, until)) {
        now = Math.max(now, due.at);
        await send([{ fireTimer: { seq: due.seq } }]);
      }
      now = until;
    },
    async reserve(requests: { key: string; priceUsd: number }[], isContinueAsNewSuggested = false) {
      const commands = await send([updateOf(requests)], isContinueAsNewSuggested);
      const reply = commands.map(({ updateResponse }) => updateResponse?.completed).find((payload) => payload);
      return defaultPayloadConverter.fromPayload<ReserveReply>(reply ?? {}).verdicts;
    },
    /** Sends this number of updates in one task. */
    reserveAtOnce: (requests: { key: string; priceUsd: number }[], updates: number) =>
      send(Array.from({ length: updates }, () => updateOf(requests))),
    /** Lets an order reserve in the same task in which the hanging look-up is answered. */
    reserveAsAnswered: (requests: { key: string; priceUsd: number }[], settlements: Settlement[]) =>
      send([updateOf(requests), answered(hanging ?? 0, settlements)]),
    close: () => send([named('close')]),
    /** Cancels the workflow itself. */
    cancel: () => send([{ cancelWorkflow: {} }]),
    set: (limitUsd: number) => send([named('set', toPayloads(defaultPayloadConverter, { limitUsd }))]),
    settle: (settlements: Settlement[]) =>
      send([
        {
          signalWorkflow: {
            signalName: 'settle',
            input: toPayloads(defaultPayloadConverter, { settlements }) ?? [],
          },
        },
      ]),
  };
}

function answered(seq: number, settlements: Settlement[]): Job {
  const result = defaultPayloadConverter.toPayload({ settlements });
  return { resolveActivity: { seq, result: { completed: { result } } } };
}
