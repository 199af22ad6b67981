import type { PipelineCancelReply, PipelinePhase } from '../../../client/index.ts';
import { withoutUndefined } from '../../../domain/json.ts';
import type { CancelAll, Decision } from '../../contract/start-pipeline.ts';
import type { GatewayParts } from '../../gateway-parts.ts';
import { sayWaited, waitMsOf } from '../../http/waiting.ts';
import { withMany } from '../many/many.ts';
import type { Call } from '../operation.ts';
import { inOwnWords } from '../own-words.ts';
import { pipelines } from './pipelines.ts';

const outcomeMs = 30_000;

/** Asks every open order to stop, and tells what came of it. */
export async function cancelPipeline(
  parts: GatewayParts,
  stopping: AbortSignal,
  { params, query, body, request, reply }: Call<{ key: string }, { wait?: string | undefined }, CancelAll | undefined>,
): Promise<PipelineCancelReply> {
  const waitMs = waitMsOf(request, query);
  const timeoutMs = Math.max(waitMs ?? outcomeMs, 1);
  return await withMany(pipelines, parts, request, params.key, async (handle) => {
    const cancelled = await handle.cancel(body, { timeoutMs, signal: stopping });
    sayWaited(reply, waitMs);
    if (cancelled.outcome === 'unknown') reply.code(202);
    // Steps are a list here, each with the key of its order.
    return inOwnWords(request.principal, cancelled, handle.key);
  });
}

/** Decides about a step that awaits a person. */
export function decideStep(
  parts: GatewayParts,
  { params, body, request }: Call<{ key: string }, unknown, Decision>,
): Promise<{ phase: PipelinePhase }> {
  const { subject, keyId } = request.principal;
  const by = body.by ?? subject ?? keyId;
  return withMany(pipelines, parts, request, params.key, (handle) => handle.decide(withoutUndefined({ ...body, by })));
}
