import { z } from 'zod';
import { listPipelinePage } from '../../../client/operator/index.ts';
import { pipelinePhases } from '../../../domain/pipeline/pipeline-run.ts';
import type { PipelinePreviewBody } from '../../contract/pipeline.ts';
import type { PreviewPipeline } from '../../contract/start-pipeline.ts';
import type { GatewayParts } from '../../gateway-parts.ts';
import { patiently, readPatienceMs } from '../../generations/patiently.ts';
import { workflowIdIn } from '../generations/find-generation.ts';
import { listMany, scopeQuery } from '../many/list-many.ts';
import type { Call } from '../operation.ts';
import { inOwnWords } from '../own-words.ts';
import { mayRun, toPipelineRequest } from './start.ts';

/** Query of a list of pipelines. */
export const pipelineQuery = scopeQuery.extend({ phase: z.exactOptional(z.enum(pipelinePhases)) });

/** A page of a principal's pipelines. */
export async function listPipelines(
  parts: GatewayParts,
  call: Call<unknown, z.output<typeof pipelineQuery>, unknown>,
): Promise<object> {
  const { rows, ...page } = await listMany(parts, call, listPipelinePage);
  return { pipelines: rows, ...page };
}

/** What a start with the same body would order, why, and at what price. */
export async function previewPipeline(
  parts: GatewayParts,
  { params, body, request }: Call<{ key: string }, unknown, PreviewPipeline>,
): Promise<PipelinePreviewBody> {
  const { principal } = request;
  const { rerun, rerunOf, ...asked } = body;
  const { client, catalogue, generations } = parts;
  mayRun(principal, asked.plan);
  const key = workflowIdIn(principal, params.key);
  const order = toPipelineRequest(principal, asked);
  const ask = () => generations.pipelines.preview(order, { key, rerun, rerunOf, catalogue: catalogue.lookup });
  const preview = await patiently(client, readPatienceMs, ask, { asksOthers: true });
  const { orders, totalUsd, ...others } = inOwnWords(principal, preview, key);
  // Our API leaves out missing values instead of sending null.
  return {
    ...others,
    orders: orders.map(({ priceUsd, ...one }) => ({ ...one, ...(priceUsd !== null && { priceUsd }) })),
    ...(totalUsd !== null && { totalUsd }),
  };
}
