import { z } from 'zod';
import type { PipelineResult } from '../../../client/index.ts';
import { withoutUndefined } from '../../../domain/json.ts';
import { pipelinePhases } from '../../../domain/pipeline-run.ts';
import { keyOfWorkflow, workflowIdOf } from '../../access/principal.ts';
import type { Pipeline, PipelinePreviewBody } from '../../contract/pipeline.ts';
import type { PreviewPipeline } from '../../contract/start-pipeline.ts';
import type { GatewayParts } from '../../gateway-parts.ts';
import { patiently } from '../../generations/patiently.ts';
import { entityTag, matchesTag } from '../../http/entity-tag.ts';
import { sayWaited, waitMsOf, waitSignal } from '../../http/waiting.ts';
import { collect } from '../collect.ts';
import { workflowIdIn } from '../generations/find-generation.ts';
import type { Call } from '../operation.ts';
import { inOwnWords } from '../own-words.ts';
import { mayRun, toPipelineRequest } from './start.ts';
import { pipelineBody, pipelineEnd, untilPipelineEnds, withPipeline } from './with-pipeline.ts';

type About<Body = unknown> = Call<{ key: string }, { wait?: string | undefined }, Body>;

const time = z.exactOptional(z.iso.datetime({ offset: true }));

/** What narrows a list. */
const scopeQuery = z.strictObject({
  keyPrefix: z.exactOptional(z.string().max(200)),
  createdAfter: time,
  createdBefore: time,
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

/** What a list of pipelines is asked. */
export const pipelineQuery = scopeQuery.extend({ phase: z.exactOptional(z.enum(pipelinePhases)) });

const listMs = 10_000;
const retryAfterS = 2;

/** Where a pipeline stands; waits for a change where the caller has what is known. */
export async function getPipeline(
  parts: GatewayParts,
  stopping: AbortSignal,
  { params, query, request, reply }: About,
): Promise<Pipeline | undefined> {
  const { principal, headers } = request;
  const waitMs = waitMsOf(request, query);
  const ifNoneMatch = headers['if-none-match'];
  const body = await withPipeline(parts, request, params.key, async (handle) => {
    const first = await pipelineBody(principal, handle);
    if (waitMs === undefined || ifNoneMatch === undefined || !matchesTag(ifNoneMatch, entityTag(first))) return first;
    if (first.endedAt !== undefined) return first;
    const { key, runId } = handle;
    const signal = waitSignal(reply, waitMs, stopping);
    try {
      for await (const state of handle.watch({ signal })) {
        const next = inOwnWords(principal, { key, runId, ...state }, key);
        if (!matchesTag(ifNoneMatch, entityTag(next))) return next;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    return first;
  });
  if (ifNoneMatch !== undefined) sayWaited(reply, waitMs);
  const tag = entityTag(body);
  reply.header('etag', tag);
  if (!matchesTag(ifNoneMatch, tag)) return body;
  reply.code(304);
  return undefined;
}

/** The result, or the pipeline while there is none; a problem with the failure's name where there will be none. */
export async function getPipelineResult(
  parts: GatewayParts,
  stopping: AbortSignal,
  { params, query, request, reply }: About,
): Promise<PipelineResult | Pipeline> {
  const { principal } = request;
  const waitMs = waitMsOf(request, query);
  return await withPipeline(parts, request, params.key, async (handle) => {
    if (waitMs !== undefined) await untilPipelineEnds(handle, waitSignal(reply, waitMs, stopping));
    sayWaited(reply, waitMs);
    if (!(await handle.isEnded())) {
      reply.code(202).header('retry-after', retryAfterS);
      return await pipelineBody(principal, handle);
    }
    try {
      return inOwnWords(principal, await handle.result(), handle.key);
    } catch (error) {
      throw pipelineEnd(principal, error, handle.key) ?? error;
    }
  });
}

/** A principal's pipelines. */
export async function listPipelines(
  { client, generations }: GatewayParts,
  { query, request }: Call<unknown, z.output<typeof pipelineQuery>, unknown>,
): Promise<object> {
  const { principal } = request;
  const { keyPrefix = '', createdAfter, createdBefore, limit, phase } = query;
  const prefix = workflowIdOf(principal, keyPrefix);
  const filter = withoutUndefined({
    ...{ limit, phase },
    keyPrefix: prefix === '' ? undefined : prefix,
    since: createdAfter === undefined ? undefined : new Date(createdAfter),
    until: createdBefore === undefined ? undefined : new Date(createdBefore),
  });
  const rows = await patiently(client, listMs, () => collect(generations.pipelines.list(filter)));
  return { pipelines: rows.map((row) => ({ ...row, key: keyOfWorkflow(principal, row.key) })) };
}

/** What a start of the same would order, why, and at what price. */
export async function previewPipeline(
  parts: GatewayParts,
  { params, body, request }: Call<{ key: string }, unknown, PreviewPipeline>,
): Promise<PipelinePreviewBody> {
  const { principal } = request;
  const { rerun, ...asked } = body;
  const { catalogue, generations } = parts;
  mayRun(principal, asked.plan);
  const key = workflowIdIn(principal, params.key);
  const order = toPipelineRequest(parts, principal, asked);
  const preview = await generations.pipelines.preview(order, { key, rerun, catalogue: catalogue.lookup });
  const { orders, totalUsd, ...others } = inOwnWords(principal, preview, key);
  // What nobody knows is absent in our API, and never null.
  return {
    ...others,
    orders: orders.map(({ priceUsd, ...one }) => ({ ...one, ...(priceUsd !== null && { priceUsd }) })),
    ...(totalUsd !== null && { totalUsd }),
  };
}
