import { WorkflowFailedError } from '@temporalio/client';
import type { FastifyRequest } from 'fastify';
import { failureTypes, isGenerationError, type PipelineHandle } from '../../../client/index.ts';
import { withoutUndefined } from '../../../domain/json.ts';
import { keyOfWorkflow, type Principal } from '../../access/principal.ts';
import type { Pipeline } from '../../contract/pipeline.ts';
import type { GatewayParts } from '../../gateway-parts.ts';
import { patiently } from '../../generations/patiently.ts';
import { EndedError } from '../ended-error.ts';
import { ofGenerations, workflowIdIn } from '../generations/find-generation.ts';
import { inOwnWords } from '../own-words.ts';

const findMs = 5_000;

/** Carries out what concerns a pipeline that is the caller's; any other workflow under the key is not there. */
export async function withPipeline<T>(
  { client, generations }: GatewayParts,
  { principal }: FastifyRequest,
  key: string,
  act: (handle: PipelineHandle) => Promise<T>,
): Promise<T> {
  const workflowId = workflowIdIn(principal, key);
  return await ofGenerations(async () =>
    act(await patiently(client, findMs, () => generations.pipelines.get(workflowId))),
  );
}

/** A pipeline as our API tells it to a principal. */
export async function pipelineBody(principal: Principal, handle: PipelineHandle): Promise<Pipeline> {
  const { key, runId } = handle;
  return inOwnWords(principal, { key, runId, ...(await handle.state()) }, key);
}

/** Waits for the end of a pipeline, however it ends; what stops the waiting is no error. */
export async function untilPipelineEnds(handle: PipelineHandle, signal: AbortSignal): Promise<void> {
  try {
    await handle.result({ signal });
  } catch (error) {
    if (!signal.aborted && endOf(error) === undefined) throw error;
  }
}

/** How a pipeline ended without a result, as a caller is told; undefined for what only kept it from being told. */
export function pipelineEnd(principal: Principal, error: unknown, workflowId: string): EndedError | undefined {
  const end = endOf(error);
  if (end === undefined) return undefined;
  const { message, issues, submission, requestId } = end.error;
  const details = withoutUndefined({ issues, submission, requestId });
  const told = inOwnWords(principal, { type: end.type, message, details }, workflowId, ...keysOf(end.error.pipeline));
  return new EndedError(keyOfWorkflow(principal, workflowId), told, end.error.pipeline?.cancel?.outcome);
}

function endOf(error: unknown) {
  if (!isGenerationError(error) || !(error.cause instanceof WorkflowFailedError)) return undefined;
  const type = failureTypes.find((one) => one === error.type);
  return type && { type, error };
}

function keysOf(pipeline: { steps?: Record<string, { key?: string }> } | undefined): string[] {
  return Object.values(pipeline?.steps ?? {}).flatMap(({ key }) => (key === undefined ? [] : [key]));
}
