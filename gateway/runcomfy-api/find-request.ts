import type { FastifyReply, FastifyRequest } from 'fastify';
import { isGenerationError } from '../../client/index.ts';
import { workflowIdOf } from '../access/principal.ts';
import type { GatewayParts } from '../gateway-parts.ts';
import { isRequestKey } from '../generations/key-of.ts';
import type { ReadOptions, SeenGeneration } from '../generations/read-generations.ts';
import { unknownRequest } from '../http/to-refusal.ts';

/** A generation that a path names. */
export interface FoundRequest {
  key: string;
  workflowId: string;
  generation: SeenGeneration;
}

/** The generation of a path's id; whatever is none of this caller's is not there, in the same words. */
export async function findRequest(
  { reader }: GatewayParts,
  { params, principal }: FastifyRequest<{ Params: { id: string } }>,
  options: ReadOptions = {},
): Promise<FoundRequest> {
  const key = params.id;
  if (!isRequestKey(key)) throw unknownRequest();
  const workflowId = workflowIdOf(principal, key);
  const generation = await reader.read(workflowId, 'brief', options).catch((error: unknown) => {
    throw isGenerationError(error) && error.type === 'KeyInUse' ? unknownRequest(error) : error;
  });
  return { key, workflowId, generation };
}

/** What RunComfy's fields have no room for. */
export function tellOf(reply: FastifyReply, key: string, { phase, requestId, ageS }: SeenGeneration): void {
  reply.header('runcomfy-temporal-key', key).header('runcomfy-temporal-phase', phase);
  if (requestId !== undefined) reply.header('runcomfy-request-id', requestId);
  if (ageS !== undefined) reply.header('age', ageS);
}
