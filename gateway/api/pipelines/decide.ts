import type { PipelineCancelReply, PipelinePhase } from '../../../client/index.ts';
import { withoutUndefined } from '../../../domain/json.ts';
import type { CancelAll, Decision } from '../../contract/start-pipeline.ts';
import type { GatewayParts } from '../../gateway-parts.ts';
import { cameAt, sayWaited, waitMsOf } from '../../http/waiting.ts';
import { cancelMany, tellMany } from '../many/many.ts';
import type { Call } from '../operation.ts';
import { inOwnWords } from '../own-words.ts';
import { pipelines } from './pipelines.ts';

/** Asks every open order to stop, and reports the outcomes. */
export async function cancelPipeline(
  parts: GatewayParts,
  stopping: AbortSignal,
  { params, query, body, request, reply }: Call<{ key: string }, { wait?: string | undefined }, CancelAll | undefined>,
): Promise<PipelineCancelReply> {
  const waitMs = waitMsOf(request, query);
  const listening = { waitMs, since: cameAt(reply), stopping };
  return await cancelMany(pipelines, parts, request, params.key, listening, async (handle, timing) => {
    // A caller that got `unknown`, or no answer, repeats the call to learn the outcome.
    const cancelled = await handle.cancel(body, { ...timing, isRepeated: true });
    sayWaited(reply, waitMs);
    if (cancelled.outcome === 'unknown') reply.code(202);
    // The reply lists steps with the keys of their orders, which are rewritten, too.
    return inOwnWords(request.principal, cancelled, handle.key);
  });
}

/** Decides a step that waits for a person. */
export function decideStep(
  parts: GatewayParts,
  { params, body, request }: Call<{ key: string }, unknown, Decision>,
): Promise<{ phase: PipelinePhase }> {
  const { subject, keyId } = request.principal;
  const by = body.by ?? subject ?? keyId;
  return tellMany(pipelines, parts, request, params.key, (handle) => handle.decide(withoutUndefined({ ...body, by })));
}
