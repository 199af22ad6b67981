import { randomUUID } from 'node:crypto';
import { type Client, WorkflowExecutionAlreadyStartedError, type WorkflowStartOptions } from '@temporalio/client';
import type { GenerationRequest } from '../../../domain/generation.ts';
import { withoutUndefined } from '../../../domain/json.ts';
import { callerMemoKeys, generationWorkflowType, retryOfRunMemoKey, tenantMemoKey } from '../../../domain/names.ts';
import { GenerationError, isGenerationError } from '../../errors.ts';
import { grpcCode, grpcCodeOf } from '../../grpc.ts';
import { labelNotices, type StartLabels, toLabelMemo } from '../../start-labels.ts';
import { type StartPriority, toPriority } from '../../start-priority.ts';
import { checkArgument } from '../check-arguments.ts';
import { readOriginalRequest } from '../original-request.ts';
import { describeRun, isClosed } from '../run-info.ts';
import { type CheckOptions, checkRequest, type RequestDraft } from './check-request.ts';
import { compareRequests, refuseOtherType } from './compare-requests.ts';
import { assessLastRun, type Verdict } from './last-run.ts';
import { type Started, type Starter, startWorkflow } from './start-workflow.ts';

/** On whose behalf a generation starts. */
export interface StartCaller {
  /** The tenant whose key this is, if it begins with `<tenant>/`: the webhook is told the key without that prefix. */
  keyTenant?: string | undefined;
  /** Who ordered, and through which interface: kept in the memo. */
  caller?: { by?: string | undefined; via: string } | undefined;
}

/** The key of a generation, and when it may start again. */
export interface StartOptions extends StartPriority, StartLabels, StartCaller {
  /** Workflow ID of the generation; the same key attaches and never submits twice. Default `generation-<uuid>`. */
  key?: string | undefined;
  /**
   * `if-unbilled`: starts again if the key's last run failed in a way that provably cost nothing; the order may then be
   * a corrected one.
   */
  retry?: 'if-unbilled' | undefined;
  /** Never starts anything: attaches to the generation of this key, or throws `KeyNotFound`. */
  attachOnly?: boolean | undefined;
}

/** A generation that was started, or found. */
export interface StartedGeneration {
  key: string;
  runId: string;
  /** The first run of its chain, if Temporal says; messages of the handle go to this chain only. */
  firstRunId?: string | undefined;
  /** This call started nothing: the generation was there before. */
  attached: boolean;
  /** Sentences that the caller should know of. */
  notices: string[];
}

type Policies = Pick<WorkflowStartOptions, 'workflowIdReusePolicy' | 'memo' | 'priority'>;

/** Starts a generation under a key, or attaches to the existing one. */
export async function startGeneration(
  client: Client,
  taskQueue: string,
  request: RequestDraft,
  {
    key = `generation-${randomUUID()}`,
    retry,
    labels,
    keyTenant,
    caller,
    attachOnly,
    ...precedence
  }: StartOptions = {},
  { starter, ...checkOptions }: CheckOptions & { starter?: Starter } = {},
): Promise<StartedGeneration> {
  checkArgument('retry', retry === undefined || (retry as string) === 'if-unbilled', "'if-unbilled' or nothing", key);
  const { order, warnings } = checkRequest(request, key, { ...checkOptions, isLookedFor: attachOnly });
  const priority = toPriority(precedence, key);
  const { memo } = toLabelMemo({ labels }, key);
  const ofCaller = callerMemo({ keyTenant, caller });
  const start = (policies: Policies) => {
    const own = { ...priority, ...policies, memo: { ...ofCaller, ...memo, ...policies.memo } };
    return startUnlessClosed(client, key, taskQueue, order, own, starter);
  };

  const first = attachOnly ? undefined : await start({ workflowIdReusePolicy: 'REJECT_DUPLICATE' });
  const begun = ({ runId }: Started) => ({ key, runId, firstRunId: runId, attached: false, notices: warnings });
  if (first?.isNew) return begun(first);
  const attach = async (runId: string, ...more: string[]) => {
    const original = await readOriginalRequest(client, key, runId);
    const notices = compareRequests(key, original, order);
    const firstRunId = original?.runId ?? (await describeRun(client, key, runId)).firstRunId;
    // The call has attached by now, and a notice that cannot be read must not make it fail.
    const run = labels && (await describeRun(client, key, runId).catch(() => undefined));
    const ofLabels = run ? await labelNotices(client, run, labels) : [];
    return { key, runId, firstRunId, attached: true, notices: [...notices, ...ofLabels, ...more] };
  };
  if (first !== undefined) return attach(first.runId);

  for (;;) {
    const last = await describeRun(client, key);
    refuseOtherType(key, last.workflowType);
    const { runId } = last;
    if (retry === undefined || attachOnly || !isClosed(last)) return attach(runId);
    const verdict = await assessLastRun(client, key, runId).catch(notProven);
    // Somebody else retried, and that run has ended meanwhile: it has to be assessed itself.
    if ((await describeRun(client, key)).runId !== runId) continue;
    if (!verdict.isUnbilled) return attach(runId, `not started again: ${verdict.reason}`);
    const again = await start({
      workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
      memo: { [retryOfRunMemoKey]: runId },
    });
    if (again?.isNew) return begun(again);
    if (again !== undefined) return attach(again.runId);
  }
}

/**
 * The verdict while no worker can prove that the last run cost nothing: no new start, but the caller may retry later.
 */
function notProven(error: unknown): Verdict {
  if (!isGenerationError(error) || (error.type !== 'NoWorker' && error.type !== 'WorkerFailing')) throw error;
  return { isUnbilled: false, reason: 'no worker can tell now whether its last run cost nothing' };
}

/** The memo entries that say on whose behalf a generation was started. */
export function callerMemo({ keyTenant, caller }: StartCaller): Record<string, string> {
  return withoutUndefined({
    [tenantMemoKey]: keyTenant,
    [callerMemoKeys.by]: caller?.by,
    [callerMemoKeys.via]: caller?.via,
  });
}

/**
 * Starts a generation, or finds the open one. Undefined: a run of this key has ended and the policy does not allow
 * another.
 */
export async function startUnlessClosed(
  client: Client,
  key: string,
  taskQueue: string,
  order: GenerationRequest,
  policies: Policies,
  starter: Starter = (workflowType, options) => startWorkflow(client.workflow, workflowType, options),
): Promise<Started | undefined> {
  try {
    return await starter(generationWorkflowType, {
      ...policies,
      taskQueue,
      workflowId: key,
      workflowIdConflictPolicy: 'USE_EXISTING',
      args: [order],
      staticSummary: order.model,
    });
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return undefined;
    if (grpcCodeOf(error) !== grpcCode.invalidArgument) throw error;
    const reason = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    throw new GenerationError({
      type: 'InvalidInput',
      message: `nothing was sent: Temporal refuses to start "${key}": ${reason}`,
      key,
      model: order.model,
      submission: 'not_sent',
      cause: error,
    });
  }
}
