import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isGenerationError } from '../../client/index.ts';
import { workflowIdOf } from '../access/principal.ts';
import type { GatewayParts } from '../gateway-parts.ts';
import { isRequestKey } from '../generations/key-of.ts';
import type { ReadOptions, SeenGeneration } from '../generations/read-generations.ts';
import { temporalAway, unknownRequest } from '../http/to-refusal.ts';

/** A generation that a path names. */
export interface FoundRequest {
  key: string;
  workflowId: string;
  generation: SeenGeneration;
}

/** From when the call came: clients end their job where they hear nothing for 20 s. */
const untilMs = 19_000;
const leastMs = 1_000;

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
  const read = reader.read(workflowId, 'brief', options).catch((error: unknown) => {
    throw isGenerationError(error) && error.type === 'KeyInUse' ? unknownRequest(error) : error;
  });
  const generation = await inTime(read, Math.max(untilMs - reply.elapsedTime, leastMs), () => {
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

/** What is answered within so many milliseconds, else what there is instead. */
async function inTime<T>(answer: Promise<T>, withinMs: number, instead: () => T): Promise<T> {
  const answered = new AbortController();
  const { signal } = answered;
  const late = sleep(withinMs, undefined, { signal }).then(instead);
  // Nobody asks for it any more once there is an answer.
  late.catch(() => undefined);
  try {
    return await Promise.race([answer, late]);
  } finally {
    answered.abort();
  }
}
