import type { FastifyReply, FastifyRequest } from 'fastify';
import { isJsonObject, withoutUndefined } from '../../domain/json.ts';
import { isModelId } from '../../domain/request.ts';
import { cutText } from '../../domain/text.ts';
import { mayOrder } from '../access/principal.ts';
import type { GatewayParts } from '../gateway-parts.ts';
import { checkInput } from '../generations/check-input.ts';
import { dedupedNotice } from '../generations/deduped-key.ts';
import { keyOf } from '../generations/key-of.ts';
import { startPatiently } from '../generations/start-patiently.ts';
import { toNoticeHeader } from '../http/notice-header.ts';
import { RefusalError } from '../http/refusal-error.ts';
import { singleHeader } from '../http/single-header.ts';
import { waitSignal } from '../http/waiting.ts';
import { earlyRefusal } from './early-refusal.ts';
import type { KeylessOrders } from './keyless-orders.ts';
import { urlsOf } from './replies.ts';
import { type SubmitOptions, submitOptionsOf } from './submit-options.ts';

/**
 * Answers `POST /v1/models/{model_id}` as soon as the start is durable; with a grace time, waits for an early refusal
 * by RunComfy first.
 */
export async function submit(
  parts: GatewayParts,
  keyless: KeylessOrders,
  request: FastifyRequest<{ Params: { '*': string } }>,
  reply: FastifyReply,
  stopping: AbortSignal,
): Promise<object> {
  const { principal } = request;
  if (request.headers['content-type'] === undefined) {
    throw new RefusalError('UnsupportedMediaType', "send JSON: -H 'content-type: application/json'");
  }
  const input = inputOf(request.body);
  const model = modelIdOf(request.params['*']);
  const { namedKey, retry: saidRetry, ...options } = headersOf(request, model);
  const order = { principal, model, input };
  const { dedupeWindowMs } = namedKey === undefined ? principal : {};
  // Determined before anything is awaited, so that it is noticed if the client leaves meanwhile.
  const keyed =
    namedKey !== undefined
      ? { key: namedKey, isNewKey: false }
      : dedupeWindowMs === undefined
        ? keyless.keyFor(reply, order)
        : { key: await parts.dedupedKeys.keyFor(order, dedupeWindowMs), isNewKey: false };
  const { key } = keyed;
  // An earlier failure that cost nothing is replaced, so that "top up, try again" works without a key, too.
  const retry = namedKey === undefined ? 'if-unbilled' : saidRetry;
  const check = () => {
    mayOrder(principal, model);
    return checkInput(parts.catalogue, model, input);
  };
  const { onUnknownSubmission = parts.settings.onUnknownSubmission } = principal;
  const wanted = { model, input, onUnknownSubmission, ...options };
  const handle = await startPatiently(parts, principal, wanted, { ...keyed, retry, check });
  const { attached, notices } = handle;

  const said = [...notices];
  if (attached && dedupeWindowMs !== undefined) said.unshift(dedupedNotice);
  reply.header('runcomfy-temporal-key', key);
  if (attached) reply.header('idempotent-replayed', 'true');
  if (said.length > 0) reply.header('runcomfy-temporal-notice', toNoticeHeader(said));
  const { submitGraceMs: graceMs } = parts.settings;
  const refused = graceMs === 0 ? undefined : await earlyRefusal(handle, waitSignal(reply, graceMs, stopping));
  if (refused === undefined) return { request_id: key, ...urlsOf(parts.originOf(request), key) };
  parts.reader.refresh(handle.key);
  reply.code(refused.status);
  return refused.body;
}

/** The model id in a path, percent-decoded. */
export function modelIdOf(path: string): string {
  const model = path.replace(/\/$/, '');
  if (isModelId(model) && model !== 'categories') return model;
  const shown = JSON.stringify(cutText(model, 100));
  throw new RefusalError('ModelUnknown', `${shown} is no model id: see GET /v1/models`);
}

/** The key and the options that the headers of an order give. */
function headersOf(request: FastifyRequest, model: string): SubmitOptions & { namedKey?: string } {
  try {
    const idempotencyKey = singleHeader(request, 'Idempotency-Key');
    return withoutUndefined({
      ...submitOptionsOf(request),
      namedKey: idempotencyKey === undefined ? undefined : keyOf(idempotencyKey),
    });
  } catch (error) {
    // Well-formed headers may name an order that exists, which its caller gets even if its model is forbidden by now.
    mayOrder(request.principal, model);
    throw error;
  }
}

function inputOf(body: unknown): Record<string, unknown> {
  if (isJsonObject(body)) return body;
  const message = 'the body must be a JSON object with the fields of the model';
  throw new RefusalError('InvalidInput', message, { issues: [{ path: '$', message }] });
}
