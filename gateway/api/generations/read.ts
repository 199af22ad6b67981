import { z } from 'zod';
import { readRequest } from '../../../client/operator/index.ts';
import type { GenerationResult } from '../../../domain/generation.ts';
import type { Principal } from '../../access/principal.ts';
import type { Generation } from '../../contract/generation.ts';
import type { generationInFull } from '../../contract/webhook.ts';
import type { GatewayParts } from '../../gateway-parts.ts';
import { patiently, readPatienceMs } from '../../generations/patiently.ts';
import type { SeenGeneration } from '../../generations/read-generations.ts';
import { entityTag, matchesTag } from '../../http/entity-tag.ts';
import { sayWaited, waitMsOf, waitSignal } from '../../http/waiting.ts';
import { EndedError } from '../ended-error.ts';
import type { Call } from '../operation.ts';
import { listDeliveries } from '../webhooks/list-deliveries.ts';
import { findGeneration, workflowIdIn } from './find-generation.ts';
import { generationBody, withBudgets } from './generation-body.ts';
import { untilEnd } from './start.ts';

/** Optional parts of a generation; the words may be in one parameter, or in several. */
export const includes = z
  .exactOptional(
    z.preprocess(
      (given) => (typeof given === 'string' ? given.split(',') : given),
      z.array(z.enum(['request', 'webhooks'])).max(2),
    ),
  )
  .meta({ description: '`request`: the order as it was given; `webhooks`: what webhooks were told' });

interface Waiting {
  wait?: string | undefined;
}

type About<Query> = Call<{ key: string }, Query, unknown>;

const longestRetryAfterS = 30;

/** The state of a generation; waits for a change if the caller has the current state. */
export async function getGeneration(
  parts: GatewayParts,
  stopping: AbortSignal,
  { params, query, request, reply }: About<Waiting & { include?: z.output<typeof includes> }>,
): Promise<z.output<typeof generationInFull> | undefined> {
  const { principal, headers } = request;
  const workflowId = workflowIdIn(principal, params.key);
  const waitMs = waitMsOf(request, query);
  const ifNoneMatch = headers['if-none-match'];
  let seen = await findGeneration(parts, workflowId);
  const { include = [] } = query;
  const withRequest = include.includes('request') ? await requestOf(parts, request.principal, seen) : {};
  const bodyOf = async (one: SeenGeneration) => ({
    ...generationBody(principal, one),
    ...withRequest,
    ...(include.includes('webhooks') && { webhooks: await listDeliveries(parts, workflowId) }),
  });
  let body = await bodyOf(seen);
  if (waitMs !== undefined && ifNoneMatch !== undefined) {
    sayWaited(reply, waitMs);
    const signal = waitSignal(reply, waitMs, stopping);
    if (seen.ending === undefined && matchesTag(ifNoneMatch, entityTag(body))) {
      for await (const next of parts.watchers.generations.follow(workflowId, signal)) {
        seen = next;
        body = await bodyOf(next);
        if (!matchesTag(ifNoneMatch, entityTag(body))) break;
      }
    }
  }
  const tag = entityTag(body);
  reply.header('etag', tag);
  if (seen.ageS !== undefined) reply.header('age', seen.ageS);
  if (!matchesTag(ifNoneMatch, tag)) return body;
  reply.code(304);
  return undefined;
}

/**
 * The result, or the generation while there is none; throws a problem named after the failure if there will be none.
 */
export async function getResult(
  parts: GatewayParts,
  stopping: AbortSignal,
  { params, query, request, reply }: About<Waiting>,
): Promise<GenerationResult | Generation> {
  const { principal } = request;
  const workflowId = workflowIdIn(principal, params.key);
  const waitMs = waitMsOf(request, query);
  let seen = await findGeneration(parts, workflowId);
  if (seen.ending === undefined && waitMs !== undefined) {
    seen = await untilEnd(parts, workflowId, waitSignal(reply, waitMs, stopping));
  }
  sayWaited(reply, waitMs);
  const body = generationBody(principal, seen);
  if (body.result !== undefined) return body.result;
  if (seen.ending === undefined) {
    reply.code(202).header('retry-after', retryAfterS(body.nextReadAt));
    return body;
  }
  throw endedError(body);
}

/** The order as it was given, by any client. */
async function requestOf(
  { client }: GatewayParts,
  principal: Principal,
  { key, runId }: SeenGeneration,
): Promise<Pick<Generation, 'request'>> {
  const request = await patiently(client, readPatienceMs, () => readRequest(client, key, runId));
  return { request: withBudgets(principal, request) } as Pick<Generation, 'request'>;
}

function endedError({ key, phase, failure, cancel, submission, requestId, model }: Generation): EndedError {
  const outcome = cancel?.outcome;
  if (failure) return new EndedError(key, failure, outcome);
  const isCancelled = phase === 'cancelled';
  const became = outcome === undefined ? '' : `; what RunComfy made of it: ${outcome}`;
  const details = { key, model, phase, submission, ...(requestId !== undefined && { requestId }) };
  return new EndedError(
    key,
    {
      type: isCancelled ? 'GenerationCancelled' : phase === 'timed_out' ? 'GenerationTimedOut' : 'GenerationFailed',
      message: isCancelled
        ? `generation "${key}" was cancelled${became}`
        : `generation "${key}" ended without a result`,
      details,
    },
    outcome,
  );
}

/** Whole seconds until the next read, 1 to 30. */
function retryAfterS(nextReadAt: string | undefined): number {
  const seconds = nextReadAt === undefined ? 1 : Math.ceil((Date.parse(nextReadAt) - Date.now()) / 1_000);
  return Math.min(Math.max(seconds, 1), longestRetryAfterS);
}
