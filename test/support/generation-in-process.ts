import { defaultPayloadConverter, toPayloads } from '@temporalio/common';
import type {
  AcceptedSubmit,
  ActivityFailureDetails,
  CancelAnswer,
  RecalledSubmit,
  SubmitOrder,
} from '../../domain/activities.ts';
import type { SettleQuestion } from '../../domain/budget/budget.ts';
import type { GenerationRequest, GenerationState } from '../../domain/generation.ts';
import type { WebhookOrder } from '../../domain/webhook/webhook.ts';
import { msOf } from '../fuzz/pipelines/replay.ts';
import { bytesHandedOn, type Command, type Job, type Sandbox, takeDue } from './workflow-sandbox.ts';

/**
 * How one submit ends. `lost`: its worker is lost, and this was its last heartbeat; `late`: it is accepted, but ends
 * only when cancelled.
 */
export type SubmitEnd =
  | AcceptedSubmit
  | { type: string; message?: string; details?: ActivityFailureDetails }
  | { lost: object }
  | { late: AcceptedSubmit }
  | 'never ends';

interface Answers {
  /** The ends of the submits, in order. */
  submits: SubmitEnd[];
  /** RunComfy's answers to cancels, in order. */
  cancels?: (Partial<CancelAnswer> | { type: string })[];
  /** What is known of a submit that was stopped; default: nothing was sent. */
  recalled?: RecalledSubmit;
  /** The search attributes that exist; default: none. */
  existing?: string[] | 'never ends';
  /** The tenant it belongs to. */
  tenant?: string;
  /** What the previous run carried over, if this one continues it. */
  carried?: unknown;
  /** Default: none. */
  runTimeoutMs?: number;
}

/** One generation on a clock of its own. Its reads never answer. */
export async function generationInProcess(sandbox: Sandbox, request: GenerationRequest, answers: Answers) {
  let now = Date.parse('2026-11-27T12:00:00.000Z');
  const submits = [...answers.submits];
  const cancels = [...(answers.cancels ?? [])];
  const orders: SubmitOrder[] = [];
  const settled: SettleQuestion[] = [];
  const webhooks: WebhookOrder[] = [];
  const shown: string[] = [];
  const asked: string[] = [];
  const questions: { type: string; question: unknown }[] = [];
  const attributes: Record<string, unknown> = {};
  const bytes: number[] = [];
  const timers = new Map<number, number>();
  const pending = new Map<string, number>();
  let late: object | undefined;
  let end: 'completed' | 'failed' | 'cancelled' | 'continued' | undefined;
  let carries: unknown;
  let isLong = false;
  let isReplaying = false;
  const runId = crypto.randomUUID();
  const { tenant, existing = [] } = answers;
  const place = tenant === undefined ? { workflowId: 'k' } : { workflowId: `${tenant}/k`, memo: { tenant } };
  const { carried, runTimeoutMs } = answers;
  const chain = carried === undefined ? {} : { continuedFromExecutionRunId: 'before', firstExecutionRunId: 'before' };
  const args = [request, ...(carried === undefined ? [] : [carried])];
  const limits = runTimeoutMs === undefined ? {} : { runTimeoutMs };
  const run = await sandbox.open({
    workflowType: 'runcomfyGeneration',
    ...place,
    ...chain,
    ...limits,
    runId,
    args,
    now,
  });

  /** The result of an activity; undefined if it does not end. */
  function answer(type: string, question: unknown): object | undefined {
    switch (type) {
      case 'submitRequest': {
        orders.push(question as SubmitOrder);
        const next = submits.shift() ?? 'never ends';
        if (next === 'never ends') return undefined;
        if ('late' in next) {
          late = completed(next.late);
          return undefined;
        }
        if ('requestId' in next) return completed(next);
        return 'lost' in next ? lost(next.lost) : failed(next.type, next.details, next.message);
      }
      case 'settleReservations':
        settled.push(question as SettleQuestion);
        return completed(null);
      case 'recallSubmit':
        return completed(answers.recalled ?? { isReset: false });
      case 'checkWebhook':
        return completed({ issues: [] });
      case 'listSearchAttributes':
        return existing === 'never ends' ? undefined : completed({ existing });
      case 'cancelRequest': {
        const next = cancels.shift() ?? {};
        if ('type' in next) return failed(next.type);
        return completed({ outcome: 'cancelled', reads: 0, readAt: new Date(now).toISOString(), ...next });
      }
      default:
        return undefined;
    }
  }

  async function send(jobs: Job[]): Promise<void> {
    const answers: Job[] = [];
    for (const command of await run.activate(jobs, { now, isContinueAsNewSuggested: isLong, isReplaying })) {
      const { startTimer, cancelTimer, scheduleActivity, scheduleLocalActivity } = command;
      bytes.push(bytesHandedOn(command));
      if (startTimer) timers.set(startTimer.seq ?? 0, now + msOf(startTimer.startToFireTimeout));
      if (cancelTimer) timers.delete(cancelTimer.seq ?? 0);
      const call = scheduleActivity ?? scheduleLocalActivity;
      if (call) {
        const [payload] = call.arguments ?? [];
        const isLocal = call === scheduleLocalActivity;
        const type = call.activityType ?? '';
        asked.push(isLocal ? `${type} (local)` : type);
        const question = payload && defaultPayloadConverter.fromPayload(payload);
        questions.push({ type, question });
        const result = answer(type, question);
        const seq = call.seq ?? 0;
        if (result) answers.push({ resolveActivity: { seq, isLocal, result } });
        else pending.set(type, seq);
      }
      const { indexedFields = {} } = command.upsertWorkflowSearchAttributes?.searchAttributes ?? {};
      for (const [name, payload] of Object.entries(indexedFields ?? {})) {
        shown.push(name);
        attributes[name] = defaultPayloadConverter.fromPayload(payload);
      }
      const { requestCancelActivity, startChildWorkflowExecution: child } = command;
      if (requestCancelActivity)
        answers.push({ resolveActivity: { seq: requestCancelActivity.seq ?? 0, result: late ?? cancelled } });
      const [order] = child?.input ?? [];
      if (child && order) {
        webhooks.push(defaultPayloadConverter.fromPayload(order));
        const succeeded = { runId: crypto.randomUUID() };
        answers.push({ resolveChildWorkflowExecutionStart: { seq: child.seq ?? 0, succeeded } });
      }
      const [, handedOn] = command.continueAsNewWorkflowExecution?.arguments ?? [];
      if (handedOn) carries = defaultPayloadConverter.fromPayload(handedOn);
      end ??= endOf(command);
    }
    if (answers.length > 0) await send(answers);
  }

  async function signal(signalName: string, ...args: unknown[]): Promise<void> {
    await send([{ signalWorkflow: { signalName, input: toPayloads(defaultPayloadConverter, ...args) ?? [] } }]);
  }

  async function resolve(type: string, result: object): Promise<void> {
    const seq = pending.get(type);
    if (seq === undefined) throw new Error(`no ${type} is under way`);
    pending.delete(type);
    await send([{ resolveActivity: { seq, result } }]);
  }

  await send([run.first]);
  return {
    /** The orders that submits were asked to send. */
    orders,
    /** The settlements reported to budgets. */
    settled,
    /** The orders of its webhook deliveries. */
    webhooks,
    /** Names of the search attributes it set, in order. */
    shown,
    /** The activities it scheduled; local ones are marked as such. */
    asked,
    /** The arguments of the activities of one type, in order. */
    questions: (named: string) => questions.flatMap(({ type, question }) => (type === named ? [question] : [])),
    /** The latest values of its search attributes. */
    attributes,
    /** Size of the payloads of each command, in bytes. */
    bytes,
    /** The metrics it recorded under a name. */
    metrics: (named: string) => run.metrics.flatMap(({ name, ...metric }) => (name === named ? [metric] : [])),
    end: () => end,
    /** What it carried over when it continued as new. */
    carries: () => carries,
    state: () => run.query('state') as Promise<GenerationState>,
    /** Lets time pass, firing the timers that become due. */
    async pass(ms: number) {
      const until = now + ms;
      for (let due = takeDue(timers, until); due; due = takeDue(timers, until)) {
        now = Math.max(now, due.at);
        await send([{ fireTimer: { seq: due.seq } }]);
      }
      now = until;
    },
    /** Lets time pass without a worker: afterwards a single workflow task fires all timers that became due. */
    async stall(ms: number) {
      now += ms;
      const jobs: Job[] = [];
      for (let due = takeDue(timers, now); due; due = takeDue(timers, now)) jobs.push({ fireTimer: { seq: due.seq } });
      await send(jobs);
    },
    /** A worker hands over a request id. */
    handOver: (requestId: string) => signal('requestAccepted', { firstExecutionRunId: runId, requestId }),
    signal,
    /** Sends an update without waiting for its answer. */
    async update(name: string, ...args: unknown[]) {
      const id = crypto.randomUUID();
      const input = toPayloads(defaultPayloadConverter, ...args) ?? [];
      await send([
        { doUpdate: { id, protocolInstanceId: id, name, input, runValidator: true, meta: { updateId: id } } },
      ]);
    },
    /** From now on it is replayed, from a history that has the markers of only these patches. */
    async replay(patches: string[]) {
      isReplaying = true;
      await send(patches.map((patchId) => ({ notifyHasPatch: { patchId } })));
    },
    /** From now on, the server suggests to continue as new. */
    grow: () => (isLong = true),
    /** Activities that were scheduled and have no answer yet, by type. */
    pending,
    /** Completes such an activity. */
    complete: (type: string, value: unknown) => resolve(type, completed(value)),
    fail: (type: string, failure: string, details?: ActivityFailureDetails) => resolve(type, failed(failure, details)),
    lose: (type: string, heartbeat: object) => resolve(type, lost(heartbeat)),
    cancelWorkflow: () => send([{ cancelWorkflow: {} }]),
    dispose: () => run.dispose(),
  };
}

const activityFailureInfo = { activityType: { name: 'activity' }, activityId: '1' };
const cancelled = {
  cancelled: { failure: { message: '', activityFailureInfo, cause: { message: '', canceledFailureInfo: {} } } },
};

function completed(value: unknown): object {
  return { completed: { result: defaultPayloadConverter.toPayload(value) } };
}

function failed(type: string, details: ActivityFailureDetails = {}, message: string = type): object {
  const payloads = toPayloads(defaultPayloadConverter, details);
  const cause = { message, applicationFailureInfo: { type, nonRetryable: true, details: { payloads } } };
  return { failed: { failure: { message: '', activityFailureInfo, cause } } };
}

function lost(heartbeat: object): object {
  const lastHeartbeatDetails = { payloads: toPayloads(defaultPayloadConverter, heartbeat) };
  const cause = { message: 'heartbeat timed out', timeoutFailureInfo: { timeoutType: 4, lastHeartbeatDetails } };
  return { failed: { failure: { message: '', activityFailureInfo, cause } } };
}

function endOf(command: Command) {
  if (command.completeWorkflowExecution) return 'completed';
  if (command.failWorkflowExecution) return 'failed';
  if (command.continueAsNewWorkflowExecution) return 'continued';
  return command.cancelWorkflowExecution ? 'cancelled' : undefined;
}
