import type { BatchRequest, BatchResult, KnownBatchState } from '../../../client/index.ts';
import { batchDefaults } from '../../../domain/batch/batch.ts';
import { mayName } from '../../access/may-name.ts';
import { budgetNameOf, workflowIdOf } from '../../access/principal.ts';
import type { Batch } from '../../contract/batch.ts';
import type { StartBatch } from '../../contract/start-batch.ts';
import type { GatewayParts } from '../../gateway-parts.ts';
import { startOrAttach } from '../../generations/start-or-attach.ts';
import { tenantOf } from '../../generations/start-patiently.ts';
import { tellStarted } from '../../generations/tell-started.ts';
import { toNoticeHeader } from '../../http/notice-header.ts';
import { sayWaited, waitMsOf, waitSignal } from '../../http/waiting.ts';
import { bodyOf, type EndOfMany, seenNow, untilItEnds } from '../many/many.ts';
import { apiBase, type Call } from '../operation.ts';
import { keyOfOrder } from '../order-key.ts';
import { inOwnWords } from '../own-words.ts';
import { batches } from './batches.ts';
import { checkItems } from './check-items.ts';

type Starting = Call<unknown, { wait?: string | undefined }, StartBatch>;

/** Answers as soon as the start is durable, or, if the caller waits, at the end. */
export async function startBatch(
  parts: GatewayParts,
  stopping: AbortSignal,
  { body, query, request, reply }: Starting,
): Promise<Batch> {
  const { principal } = request;
  const { key: given, budgets, labels, ...asked } = body;
  const waitMs = waitMsOf(request, query);
  const { key, isNewKey } = keyOfOrder(request, given);
  const order: BatchRequest = {
    ...asked,
    ...(budgets && { budgets: budgets.map((name) => budgetNameOf(principal, name)) }),
  };
  const workflowId = workflowIdOf(principal, key);
  const startedAt = new Date().toISOString();
  const options = { key: workflowId, labels, tenant: tenantOf(principal) };
  const handle = await startOrAttach(parts, {
    key,
    isNewKey,
    check: async () => {
      await mayName(parts.access, principal, key);
      const { items = [], plan, defaults, maxCostUsd } = asked;
      const isLimited = maxCostUsd !== undefined || budgets !== undefined;
      await checkItems(principal, parts.catalogue, items, { plan, defaults, isLimited });
      return [];
    },
    start: (attaching) => parts.generations.batches.start(order, { ...options, ...attaching }),
  });
  const { warnings } = inOwnWords(principal, { warnings: handle.notices }, workflowId);
  if (warnings.length > 0) reply.header('runcomfy-temporal-notice', toNoticeHeader(warnings));
  if (handle.attached) reply.header('idempotent-replayed', 'true');
  else reply.code(201).header('location', `${parts.originOf(request)}${apiBase}/batches/${encodeURIComponent(key)}`);
  const { runId } = handle;
  let end: EndOfMany<BatchResult> | undefined;
  const atLeast = () => ({ ...newState(order, { runId, startedAt }), ...(end && stateAt(end)) });
  const unasked = () => bodyOf(batches, principal, { key: workflowId, state: atLeast() });
  return await tellStarted(parts, { key, unasked: handle.attached ? undefined : unasked }, async () => {
    if (waitMs !== undefined) end = await untilItEnds(handle, waitSignal(reply, waitMs, stopping));
    const seen = await seenNow(parts, handle, () => (end && 'result' in end ? atLeast() : undefined));
    sayWaited(reply, waitMs);
    return bodyOf(batches, principal, seen);
  });
}

/** The parts of a batch's state that its end tells. */
function stateAt(end: EndOfMany<BatchResult>): Partial<KnownBatchState> {
  if ('result' in end) {
    const { key: _, ...told } = end.result;
    return { ...told, sealed: true, input: { count: told.counts.total, digest: '', pages: 0 } };
  }
  const { type, error } = end;
  const isCancelled = type === 'GenerationCancelled' || type === 'GenerationTimedOut';
  const phase = isCancelled ? 'cancelled' : 'failed';
  return { phase, sealed: true, failure: { type, message: error.message } };
}

/** The state of a batch that was just started. */
function newState(
  { items = [], keepOpen, window, maxCostUsd }: BatchRequest,
  run: Pick<KnownBatchState, 'runId' | 'startedAt'>,
): KnownBatchState {
  const count = items.length;
  const ended = { succeeded: 0, failed: 0, cancelled: 0, timedOut: 0, unknown: 0, notStarted: 0 };
  return {
    ...run,
    phase: 'running',
    paused: null,
    isFromServer: true,
    sealed: !(keepOpen ?? count === 0),
    window: window ?? batchDefaults.window,
    counts: { total: count, waiting: count, inFlight: 0, ...ended },
    money: { spentUsd: 0, reservedUsd: 0, unpriced: 0, ...(maxCostUsd !== undefined && { maxCostUsd }) },
    failures: [],
    resultPages: 0,
    input: { count, digest: '', pages: 0 },
  };
}
