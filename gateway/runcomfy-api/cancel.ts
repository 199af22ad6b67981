import type { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isBilledAllTheSame } from '../../domain/budget/settlement.ts';
import type { CancelOutcome } from '../../domain/generation.ts';
import { isJsonObject } from '../../domain/json.ts';
import { cutText } from '../../domain/text.ts';
import type { GatewayParts } from '../gateway-parts.ts';
import { cancelPatiently } from '../generations/cancel-patiently.ts';
import type { SeenGeneration } from '../generations/read-generations.ts';
import { readBody } from '../http/json-body.ts';
import { RefusalError, refusals } from '../http/refusal-error.ts';
import { toRefusal } from '../http/to-refusal.ts';
import { cameAt } from '../http/waiting.ts';
import { cancelWordsOf } from './cancel-words.ts';
import { findRequest, tellOf } from './find-request.ts';
import { wordsOf } from './state-words.ts';

const maxReasonLength = 1_000;
const maxCancelBody = 64 * 1024;
/** The caller gets an answer within 25 s: after this time, a worker may still be asked for the state. */
const untilMs = 21_000;

/** Answers `POST /v1/requests/{id}/cancel` with the outcome at RunComfy, or that it is not known yet. */
export async function cancel(
  parts: GatewayParts,
  request: FastifyRequest<{ Params: { id: string } }>,
  reply: FastifyReply,
  stopping: AbortSignal,
): Promise<object> {
  const since = cameAt(reply);
  const { key, workflowId, generation } = await findRequest(parts, request, reply);
  const reason = reasonGiven(request.body);
  const unclear = (seen: SeenGeneration) => {
    tellOf(reply, key, seen);
    return { request_id: key, status: wordsOf(seen).status, outcome: 'unknown' };
  };
  const listening = { reason, since, stopping, untilMs };
  const { outcome } = await cancelPatiently(parts, workflowId, listening).catch((error: unknown) => {
    const { refusal, message, headers } = toRefusal(error);
    if (refusals[refusal].status !== 503) throw error;
    throw new RefusalError(refusal, message, { headers, beside: unclear(generation), cause: error });
  });
  const depth = outcome === 'cancelled' ? 'whole' : 'brief';
  const after = await parts.reader.read(workflowId, depth).catch(() => generation);
  const words = cancelWordsOf(toldOf(outcome, after), wordsOf(after).status);
  if (words === undefined) {
    const message = 'the cancel is recorded and goes on; what RunComfy made of it is not known yet: repeat this call';
    throw new RefusalError('CancelUnclear', message, { headers: { 'retry-after': '5' }, beside: unclear(after) });
  }
  tellOf(reply, key, after);
  reply.code(202);
  return { request_id: key, ...words };
}

/**
 * A repeated cancel reports the outcome of the first. Once the generation has ended, an unknown outcome stays unknown
 * and is reported as `too_late`.
 */
function toldOf(outcome: CancelOutcome, after: SeenGeneration): CancelOutcome {
  const { ending } = after;
  if (ending === undefined) return outcome === 'cancelled' ? whileClosing(after) : outcome;
  const state = 'state' in ending ? ending.state : undefined;
  const first = state?.cancel?.outcome;
  const told = [outcome, first].find((one) => one !== undefined && one !== 'unknown' && one !== 'too_late');
  // In RunComfy's API, `cancelled` means that nothing is billed.
  const isBilled = told === 'cancelled' && state !== undefined && isBilledAllTheSame(state);
  return (isBilled ? undefined : told) ?? 'too_late';
}

/**
 * The outcome while the generation settles its budgets and webhooks. A state that was read before the cancel, or
 * without a worker, proves nothing.
 */
function whileClosing({ state, ageS }: SeenGeneration): CancelOutcome {
  if (state === undefined || state.isFromServer || ageS !== undefined) return 'unknown';
  return isBilledAllTheSame(state) ? 'too_late' : 'cancelled';
}

/** Clients send no body, an empty one of any type, or JSON; no body may make a cancel fail. */
export async function parseCancelBody(_request: FastifyRequest, payload: Readable): Promise<unknown> {
  const bytes = await readBody(payload, maxCancelBody);
  try {
    return JSON.parse(bytes?.toString('utf8') ?? '');
  } catch {
    return undefined;
  }
}

function reasonGiven(body: unknown): string | undefined {
  const reason = isJsonObject(body) ? body['reason'] : undefined;
  return typeof reason === 'string' && reason !== '' ? cutText(reason, maxReasonLength) : undefined;
}
