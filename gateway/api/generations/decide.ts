import { randomUUID } from 'node:crypto';
import {
  type CancelReply,
  GenerationError,
  type GenerationHandle,
  isGenerationError,
  lateKey,
  type SubmissionResolutionReply,
} from '../../../client/index.ts';
import { keyOfWorkflow } from '../../access/principal.ts';
import type { Generation } from '../../contract/generation.ts';
import type { SubmissionResolution } from '../../contract/resolution.ts';
import type { GatewayParts } from '../../gateway-parts.ts';
import { cancelPatiently } from '../../generations/cancel-patiently.ts';
import { isPassing, patiently, readPatienceMs, tellPatiently } from '../../generations/patiently.ts';
import { callerOf, webhookOfPaid } from '../../generations/start-patiently.ts';
import { toNoticeHeader } from '../../http/notice-header.ts';
import { cameAt, sayWaited, waitMsOf } from '../../http/waiting.ts';
import { apiBase, type Call } from '../operation.ts';
import { findGeneration, ofGenerations, workflowIdIn } from './find-generation.ts';
import { isForeignRequest } from './foreign-request.ts';
import { generationBody } from './generation-body.ts';

type About<Body = unknown, Query = unknown> = Call<{ key: string }, Query, Body>;

/** Asks RunComfy to stop, and reports the outcome. */
export async function cancelGeneration(
  parts: GatewayParts,
  stopping: AbortSignal,
  { params, query, body, request, reply }: About<{ reason?: string } | undefined, { wait?: string | undefined }>,
): Promise<CancelReply> {
  const waitMs = waitMsOf(request, query);
  const asked = { reason: body?.reason, waitMs, since: cameAt(reply), stopping };
  const workflowId = workflowIdIn(request.principal, params.key);
  const cancelled = await ofGenerations(() => cancelPatiently(parts, workflowId, asked));
  sayWaited(reply, waitMs);
  if (cancelled.outcome === 'unknown') reply.code(202);
  return cancelled;
}

/** Reads the status now. */
export async function nudgeGeneration(parts: GatewayParts, { params, request, reply }: About): Promise<void> {
  await withHandle(parts, request, params.key, (handle) => tellPatiently(parts.client, () => handle.nudge()));
  reply.code(204);
}

/** Decides about a submission whose outcome is unknown. */
export function resolveSubmission(
  parts: GatewayParts,
  { params, body, request }: About<SubmissionResolution>,
): Promise<SubmissionResolutionReply> {
  const { principal } = request;
  const { action } = body;
  return withHandle(parts, request, params.key, async (handle) => {
    // The request of another tenant is replaced by an id that nobody has, so that the worker's answer does not tell the
    // two apart.
    const isForeign = action === 'adopt' && (await isForeignRequest(parts, principal, handle.key, body.requestId));
    const resolution =
      action === 'adopt' ? { action, requestId: isForeign ? randomUUID() : body.requestId } : { action };
    try {
      return await handle.resolveSubmission(resolution);
    } catch (error) {
      if (action === 'resubmit' && isPassing(error)) throw maySendAgain(handle, error);
      if (!isOfNoRequest(error)) throw error;
      throw new GenerationError({ type: 'ResolutionRefused', message: error.message, key: error.key, cause: error });
    }
  });
}

/**
 * Whether RunComfy shows no such request to this account: the decision is refused, which is not how the generation
 * ended.
 */
function isOfNoRequest(error: unknown): error is GenerationError {
  return isGenerationError(error) && (error.type === 'RequestNotFound' || error.type === 'Unauthenticated');
}

/**
 * The error after a resubmit without an answer. Clients must not repeat the decision by themselves: it would be a
 * further one, and may be billed once more.
 */
function maySendAgain({ key }: GenerationHandle, cause: unknown): GenerationError {
  const message =
    'Temporal does not answer, so that it is not known whether the order is sent again: look at the generation before you decide once more, for each resubmit may be another bill';
  return new GenerationError({ type: 'StillRunning', message, key, cause });
}

/** Fetches what RunComfy produced for a generation after it was given up. */
export async function collectLate(parts: GatewayParts, { params, request, reply }: About): Promise<Generation> {
  const { principal } = request;
  const workflowId = workflowIdIn(principal, params.key);
  const { webhook, untold } = await webhookOfPaid(parts, principal, lateKey(workflowId));
  const options = { ...callerOf(principal), webhook };
  const collect = () => parts.generations.collectLate(workflowId, options);
  const late = await ofGenerations(() => patiently(parts.client, readPatienceMs, collect, { asksOthers: true }));
  parts.reader.refresh(late.key);
  if (!late.attached) {
    if (untold.length > 0) reply.header('runcomfy-temporal-notice', toNoticeHeader(untold));
    const key = keyOfWorkflow(principal, lateKey(workflowId));
    reply.code(201).header('location', `${parts.originOf(request)}${apiBase}/generations/${encodeURIComponent(key)}`);
  }
  return generationBody(principal, await findGeneration(parts, late.key));
}

async function withHandle<T>(
  { client, generations, reader }: GatewayParts,
  { principal }: About['request'],
  key: string,
  act: (handle: GenerationHandle) => Promise<T>,
): Promise<T> {
  const workflowId = workflowIdIn(principal, key);
  return await ofGenerations(async () => {
    const handle = await patiently(client, readPatienceMs, () => generations.get(workflowId));
    return await act(handle).finally(() => {
      reader.refresh(workflowId);
    });
  });
}
