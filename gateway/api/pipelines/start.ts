import type {
  KnownPipelineState,
  PipelinePreviewOptions,
  PipelineRequest,
  PipelineResult,
} from '../../../client/index.ts';
import { isJsonObject, withoutUndefined } from '../../../domain/json.ts';
import { pipelineDeadlineMsOf } from '../../../domain/pipeline/pipeline-request.ts';
import { isModelId } from '../../../domain/request.ts';
import { mayName } from '../../access/may-name.ts';
import { budgetNameOf, mayOrder, type Principal, workflowIdOf } from '../../access/principal.ts';
import type { Pipeline } from '../../contract/pipeline.ts';
import type { PreviewPipeline, StartPipeline } from '../../contract/start-pipeline.ts';
import type { GatewayParts } from '../../gateway-parts.ts';
import { startOrAttach } from '../../generations/start-or-attach.ts';
import { tenantOf } from '../../generations/start-patiently.ts';
import { tellStarted } from '../../generations/tell-started.ts';
import { toNoticeHeader } from '../../http/notice-header.ts';
import { RefusalError } from '../../http/refusal-error.ts';
import { sayWaited, waitMsOf, waitSignal } from '../../http/waiting.ts';
import { bodyOf, type EndOfMany, seenNow, untilItEnds } from '../many/many.ts';
import { apiBase, type Call } from '../operation.ts';
import { keyOfOrder } from '../order-key.ts';
import { inOwnWords } from '../own-words.ts';
import { pipelines } from './pipelines.ts';

type Starting = Call<unknown, { wait?: string | undefined }, StartPipeline>;

/** Answers as soon as the start is durable, or, if the caller waits, at the end. */
export async function startPipeline(
  parts: GatewayParts,
  stopping: AbortSignal,
  { body, query, request, reply }: Starting,
): Promise<Pipeline> {
  const { principal } = request;
  const { key: given, rerun, rerunOf, labels, ...asked } = body;
  const waitMs = waitMsOf(request, query);
  const { key, isNewKey } = keyOfOrder(request, given);
  const order = toPipelineRequest(principal, asked);
  const workflowId = workflowIdOf(principal, key);
  const startedAt = new Date();
  const options = { key: workflowId, rerun, rerunOf, labels, tenant: tenantOf(principal) };
  const handle = await startOrAttach(parts, {
    // With `rerunOf`, a repeated call attaches to the run that followed the named one, so an existing run can be its
    // answer.
    key,
    isNewKey,
    isNewRun: rerun === true && rerunOf === undefined,
    check: async () => {
      mayRun(principal, asked.plan);
      for (const name of [key, asked.lineage ?? key]) await mayName(parts.access, principal, name);
      return [];
    },
    start: (attaching) => parts.generations.pipelines.start(order, { ...options, ...attaching }),
  });
  const { warnings } = inOwnWords(principal, { warnings: handle.notices }, workflowId);
  if (warnings.length > 0) reply.header('runcomfy-temporal-notice', toNoticeHeader(warnings));
  if (handle.attached) reply.header('idempotent-replayed', 'true');
  else reply.code(201).header('location', `${parts.originOf(request)}${apiBase}/pipelines/${encodeURIComponent(key)}`);
  let end: EndOfMany<PipelineResult> | undefined;
  // The state of a new pipeline is known without asking Temporal, and so is its end once it was awaited.
  const atLeast = (): KnownPipelineState => {
    const begunAt = end && 'result' in end ? new Date(end.result.startedAt) : startedAt;
    return {
      runId: handle.runId,
      phase: 'checking',
      startedAt: begunAt.toISOString(),
      deadlineAt: new Date(begunAt.getTime() + pipelineDeadlineMsOf(order)).toISOString(),
      costUsd: 0,
      reservedUsd: 0,
      steps: [],
      warnings: [],
      ...(end && stateAt(end)),
    };
  };
  const unasked = () => bodyOf(pipelines, principal, { key: workflowId, state: atLeast() });
  if (waitMs === undefined && !handle.attached) return unasked();
  return await tellStarted(parts, { key, unasked: handle.attached ? undefined : unasked }, async () => {
    if (waitMs !== undefined) end = await untilItEnds(handle, waitSignal(reply, waitMs, stopping));
    const seen = await seenNow(parts, handle, () => (end && 'result' in end ? atLeast() : undefined));
    sayWaited(reply, waitMs);
    return bodyOf(pipelines, principal, seen);
  });
}

/** The parts of a pipeline's state that its end tells. */
function stateAt(end: EndOfMany<PipelineResult>): Partial<KnownPipelineState> {
  const { phase, steps = {}, costUsd, presumedUsd } = 'result' in end ? end.result : (end.error.pipeline ?? {});
  const known = {
    isFromServer: true as const,
    costUsd,
    presumedUsd,
    steps: Object.entries(steps).map(([id, step]) => ({ id, phase: step.phase })),
  };
  if ('result' in end) return withoutUndefined({ ...known, phase, endedAt: end.result.endedAt });
  const { type, error } = end;
  const { cancel } = error.pipeline ?? {};
  const isLate = type === 'PipelineTimedOut';
  const byType = type === 'PipelineCancelled' ? 'cancelled' : isLate ? 'timed_out' : 'failed';
  return withoutUndefined({ ...known, phase: phase ?? byType, cancel, failure: { type, message: error.message } });
}

/** The request to start for a principal; the tenant's prefix keeps its names within the tenant. */
export function toPipelineRequest(
  principal: Principal,
  { lineage, budgets, ...others }: Omit<PreviewPipeline, keyof PipelinePreviewOptions>,
): PipelineRequest {
  const { onUnknownSubmission } = principal;
  return {
    ...(onUnknownSubmission && { onUnknownSubmission }),
    ...others,
    ...(lineage !== undefined && { lineage: workflowIdOf(principal, lineage) }),
    ...(budgets && { budgets: budgets.map((name) => budgetNameOf(principal, name)) }),
  };
}

/** Refuses a plan with a model that a principal may not order, or whose name only an expression yields. */
export function mayRun(principal: Principal, plan: Record<string, unknown>): void {
  if (principal.models === undefined) return;
  for (const model of modelsOf(plan)) {
    const isLiteral: boolean = isModelId(model);
    if (!isLiteral) {
      const message = 'this API key orders certain models alone: name those of the plan literally';
      throw new RefusalError('NotAllowed', message);
    }
    mayOrder(principal, model);
  }
}

/** The models of the steps and of their fallbacks; a malformed plan is refused by its own check. */
function modelsOf({ steps }: Record<string, unknown>): string[] {
  const ordersOf = (step: unknown): unknown[] => {
    if (!isJsonObject(step)) return [];
    const { onFailure } = step;
    const fallback = isJsonObject(onFailure) ? onFailure['fallback'] : undefined;
    return [step, ...(Array.isArray(fallback) ? (fallback as unknown[]) : [])];
  };
  return Object.values(isJsonObject(steps) ? steps : {})
    .flatMap(ordersOf)
    .flatMap((order) => (isJsonObject(order) && typeof order['model'] === 'string' ? [order['model']] : []));
}
