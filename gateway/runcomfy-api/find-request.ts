import type { FastifyReply, FastifyRequest } from 'fastify';
import { isGenerationError } from '../../client/index.ts';
import { workflowIdOf } from '../access/principal.ts';
import type { GatewayParts } from '../gateway-parts.ts';
import { isRequestKey } from '../generations/key-of.ts';
import type { ReadOptions, SeenGeneration } from '../generations/read-generations.ts';
import { temporalAway, unknownRequest } from '../http/to-refusal.ts';
import { inTime, listensMs } from '../http/waiting.ts';

/** A generation named by a path. */
export interface FoundRequest {
  key: string;
  workflowId: string;
  generation: SeenGeneration;
}

/** This long before the caller stops waiting, a generation that is not cached is read without waiting for a worker. */
const byRecordsMs = 2_000;

/**
 * The generation with the id of a path, as far as it is known before the caller stops waiting. One that belongs to
 * another caller gets the same error as one that does not exist.
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

/** Sets headers for what RunComfy's fields have no room for. */
export function tellOf(reply: FastifyReply, key: string, { phase, requestId, ageS }: SeenGeneration): void {
  reply.header('runcomfy-temporal-key', key).header('runcomfy-temporal-phase', phase);
  if (requestId !== undefined) reply.header('runcomfy-request-id', requestId);
  if (ageS !== undefined) reply.header('age', ageS);
}
