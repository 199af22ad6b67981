import { type BatchCancelReply, type BatchHandle, type BatchPhase, isGenerationError } from '../../../client/index.ts';
import { orderOfItem } from '../../../domain/batch/batch-item.ts';
import type { Batch } from '../../contract/batch.ts';
import type { AddItems, SetBatch } from '../../contract/start-batch.ts';
import type { CancelAll } from '../../contract/start-pipeline.ts';
import type { GatewayParts } from '../../gateway-parts.ts';
import { patiently, readPatienceMs, tellPatiently } from '../../generations/patiently.ts';
import { RefusalError } from '../../http/refusal-error.ts';
import { cameAt, goneSignal, sayWaited, waitMsOf } from '../../http/waiting.ts';
import { bodyOf, cancelMany, seenNow, tellMany, withMany } from '../many/many.ts';
import type { Call } from '../operation.ts';
import { batches } from './batches.ts';
import { checkItems } from './check-items.ts';

type Telling<Body = unknown, Query = unknown> = Call<{ key: string }, Query, Body>;

/** Adds items after the existing ones. */
export function addItems(
  parts: GatewayParts,
  { params, body, request, reply }: Telling<AddItems>,
): Promise<{ count: number }> {
  const { principal } = request;
  const gone = goneSignal(reply);
  return withMany(batches, parts, request, params.key, async (handle) => {
    const setting = async () => ({ plan: await handle.plan(), defaults: await handle.defaults() });
    const { plan, defaults = {} } = await patiently(parts.client, readPatienceMs, setting);
    const isPriced =
      plan !== undefined || body.items.every((item) => orderOfItem(item, defaults).maxPriceUsd !== undefined);
    const isLimited = !isPriced && (await hasLimit(parts, handle));
    try {
      await checkItems(principal, parts.catalogue, body.items, { plan, defaults, isLimited });
    } catch (error) {
      if (!(error instanceof RefusalError)) throw error;
      // Items that the batch has already are not added again, so they may be invalid by now: only the batch can tell
      // whether they are there.
      const { counts } = (await seenNow(parts, handle)).state;
      if (counts.total <= body.from) throw error;
    }
    try {
      return await tellPatiently(parts.client, () => handle.add(body, { signal: gone }));
    } catch (error) {
      if (error !== gone.reason) throw error;
      throw new RefusalError('MalformedRequest', 'the client left before it was answered', { cause: error });
    }
  });
}

/**
 * Whether the batch has a budget or, at the moment, a spending limit, so that no item without a known price is ordered.
 */
async function hasLimit(parts: GatewayParts, handle: BatchHandle): Promise<boolean> {
  const budgets = await patiently(parts.client, readPatienceMs, handle.budgets);
  return budgets !== undefined || (await seenNow(parts, handle)).state.money.maxCostUsd !== undefined;
}

/** Ends the input: no more items can be added. */
export function sealBatch(parts: GatewayParts, { params, request }: Telling): Promise<{ count: number }> {
  return tellMany(batches, parts, request, params.key, (handle) => handle.seal());
}

/** Starts no further items; those in flight go on. */
export function pauseBatch(
  parts: GatewayParts,
  { params, body, request }: Telling<{ reason?: string } | undefined>,
): Promise<{ phase: BatchPhase }> {
  return tellMany(batches, parts, request, params.key, (handle) => handle.pause(body?.reason));
}

/** Goes on after a pause, whatever caused it. */
export function resumeBatch(
  parts: GatewayParts,
  { params, body, request }: Telling<{ reason?: string } | undefined>,
): Promise<{ phase: BatchPhase }> {
  return tellMany(batches, parts, request, params.key, (handle) => handle.resume(body?.reason));
}

/** Changes the number of items that may be in flight, and the spending limit. */
export function setBatch(
  parts: GatewayParts,
  { params, body: { noMaxCost, ...others }, request }: Telling<SetBatch>,
): Promise<{ window: number; maxCostUsd?: number }> {
  return tellMany(batches, parts, request, params.key, async (handle) => {
    const { window, maxCostUsd } = await handle.set({ ...others, ...(noMaxCost && { maxCostUsd: null }) });
    return { window, ...(maxCostUsd !== null && { maxCostUsd }) };
  });
}

/** Asks everything in flight to stop and reports the outcomes; if that takes long, replies with the batch's state. */
export async function cancelBatch(
  parts: GatewayParts,
  stopping: AbortSignal,
  { params, query, body, request, reply }: Telling<CancelAll | undefined, { wait?: string | undefined }>,
): Promise<BatchCancelReply | Batch> {
  const waitMs = waitMsOf(request, query);
  const listening = { waitMs, since: cameAt(reply), stopping };
  const cancelled = await cancelMany(batches, parts, request, params.key, listening, async (handle, timing) => {
    try {
      return { reply: await handle.cancel(body, timing) };
    } catch (error) {
      if (!isUntold(error)) throw error;
      return { handle };
    }
  });
  sayWaited(reply, waitMs);
  if ('reply' in cancelled) return cancelled.reply;
  reply.code(202);
  return bodyOf(batches, request.principal, await seenNow(parts, cancelled.handle));
}

/** Whether the cancel was recorded but its outcome is not known yet. */
function isUntold(error: unknown): boolean {
  if (!isGenerationError(error)) return false;
  return error.type === 'StillRunning' || error.type === 'NoWorker' || error.type === 'WorkerFailing';
}
