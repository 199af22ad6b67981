import type { FastifyReply, FastifyRequest } from 'fastify';
import { isGenerationError } from '../../client/index.ts';
import { workflowIdOf } from '../access/principal.ts';
import type { GatewayParts } from '../gateway-parts.ts';
import { isRequestKey } from '../generations/key-of.ts';
import type { ReadOptions, SeenGeneration } from '../generations/read-generations.ts';
import { temporalAway, unknownRequest } from '../http/to-refusal.ts';
import { inTime, listensMs } from '../http/waiting.ts';

/** A generation that a path names. */
export interface FoundRequest {
  key: string;
  workflowId: string;
  generation: SeenGeneration;
}

/** So long before its caller listens no longer, what nothing is known of is asked for without waiting for a worker. */
const byRecordsMs = 2_000;

/**
 * The generation of a path's id, as far as it is known by when its caller listens no longer; whatever is none of this
 * caller's is not there, in the same words.
 */
export async function findRequest(
  { reader }: GatewayParts,
  { params, principal }: FastifyRequest<{ Params: { id: string } }>,
  reply: FastifyReply,
  options: ReadOptions = {},
): Promise<FoundRequest> {
  const key = params.id;
  if (!isRequestKey(key)) throw unknownRequest();
  const workflowId = workflowIdOf(principal, key);
  const ask = (how: ReadOptions) =>
    reader.read(workflowId, 'brief', how).catch((error: unknown) => {
      throw isGenerationError(error) && error.type === 'KeyInUse' ? unknownRequest(error) : error;
    });
  const read = ask(options);
  const leftMs = listensMs(reply);
  const soon = inTime(read, leftMs - byRecordsMs, () =>
    reader.known(workflowId) === undefined ? ask({ byRecordsWithinMs: byRecordsMs }) : read,
  );
  const generation = await inTime(soon, leftMs, () => {
    const known = reader.known(workflowId);
    if (known === undefined) throw temporalAway();
    return known;
  });
  return { key, workflowId, generation };
}

/** What RunComfy's fields have no room for. */
export function tellOf(reply: FastifyReply, key: string, { phase, requestId, ageS }: SeenGeneration): void {
  reply.header('runcomfy-temporal-key', key).header('runcomfy-temporal-phase', phase);
  if (requestId !== undefined) reply.header('runcomfy-request-id', requestId);
  if (ageS !== undefined) reply.header('age', ageS);
}
