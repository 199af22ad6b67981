import type { FastifyReply, FastifyRequest } from 'fastify';
import { isJsonObject } from '../../domain/json.ts';
import { isModelId } from '../../domain/request.ts';
import { cutText } from '../../domain/text.ts';
import { mayOrder, workflowIdOf } from '../access/principal.ts';
import type { GatewayParts } from '../gateway-parts.ts';
import { dedupedKey } from '../generations/deduped-key.ts';
import { keyOf } from '../generations/key-of.ts';
import { isPassing, patiently } from '../generations/patiently.ts';
import { RefusalError } from '../http/refusal-error.ts';
import { singleHeader } from '../http/single-header.ts';
import { earlyRefusal } from './early-refusal.ts';
import type { KeylessOrders } from './keyless-orders.ts';
import { urlsOf } from './replies.ts';
import { submitOptionsOf } from './submit-options.ts';

/** The same start is repeated so long where Temporal's answer is unclear: under one key it cannot start twice. */
const startMs = 20_000;
const maxNoticeLength = 1_000;

/** Answers `POST /v1/models/{model_id}` as soon as the start is durable, or RunComfy's early refusal where one is waited for. */
export async function submit(
  parts: GatewayParts,
  keyless: KeylessOrders,
  request: FastifyRequest<{ Params: { '*': string } }>,
  reply: FastifyReply,
): Promise<object> {
  const { principal } = request;
  const model = modelIdOf(request.params['*']);
  if (request.headers['content-type'] === undefined) {
    throw new RefusalError('UnsupportedMediaType', "send JSON: -H 'content-type: application/json'");
  }
  const input = inputOf(request.body);
  mayOrder(principal, model);
  const idempotencyKey = singleHeader(request, 'Idempotency-Key');
  const { retry: saidRetry, ...options } = submitOptionsOf(request);
  const order = { principal, model, input };
  const { dedupeWindowMs } = idempotencyKey === undefined ? principal : {};
  // Known before anything is waited for, so that a client that leaves meanwhile is noticed.
  const key =
    idempotencyKey !== undefined
      ? keyOf(idempotencyKey)
      : dedupeWindowMs === undefined
        ? keyless.keyFor(reply, order)
        : await dedupedKey(parts, order, dedupeWindowMs);
  const warnings = await checkInput(parts, model, input);
  // What cost nothing stands in nobody's way: "top up, try again" works without a key too.
  const retry = dedupeWindowMs === undefined ? saidRetry : 'if-unbilled';
  const workflowId = workflowIdOf(principal, key);
  const onUnknownSubmission = principal.onUnknownSubmission ?? parts.settings.onUnknownSubmission;
  const wanted = { model, input, onUnknownSubmission, ...options };

  const handle = await patiently(parts.client, startMs, () =>
    parts.generations.start(wanted, { key: workflowId, retry }),
  ).catch((error: unknown) => {
    throw isPassing(error) ? unclear(key, error) : error;
  });
  const { runId, attached, notices } = handle;
  parts.reader.note(workflowId, { runId, model });
  if (!attached) parts.reader.refresh(workflowId);

  if (attached && dedupeWindowMs !== undefined) notices.unshift('deduplicated by body');
  const said = [...notices, ...warnings.filter((warning) => !notices.includes(warning))];
  reply.header('runcomfy-temporal-key', key);
  if (attached) reply.header('idempotent-replayed', 'true');
  if (said.length > 0) {
    const notice = said.join('; ').replaceAll(workflowId, key);
    reply.header('runcomfy-temporal-notice', cutText(notice.replaceAll(/[^\x20-\x7e]/g, '?'), maxNoticeLength));
  }
  const refused = await earlyRefusal(handle, parts.settings.submitGraceMs);
  if (refused === undefined) return { request_id: key, ...urlsOf(parts.originOf(request), key) };
  parts.reader.refresh(workflowId);
  reply.code(refused.status);
  return refused.body;
}

/** The model of a path, after its percent-encoding. */
export function modelIdOf(path: string): string {
  const model = path.replace(/\/$/, '');
  if (isModelId(model) && model !== 'categories') return model;
  const shown = JSON.stringify(cutText(model, 100));
  throw new RefusalError('ModelUnknown', `${shown} is no model id: see GET /v1/models`);
}

function inputOf(body: unknown): Record<string, unknown> {
  if (isJsonObject(body)) return body;
  const message = 'the body must be a JSON object with the fields of the model';
  throw new RefusalError('InvalidInput', message, { issues: [{ path: '$', message }] });
}

/** Refuses what can be known to be wrong without asking RunComfy to make it; gives hints. */
async function checkInput(
  { catalogue }: GatewayParts,
  model: string,
  input: Record<string, unknown>,
): Promise<string[]> {
  const report = await catalogue.check(model, input);
  if (report === 'unknown model') {
    throw new RefusalError('ModelUnknown', `RunComfy has no model ${model}: see GET /v1/models`);
  }
  const { issues, warnings } = report;
  if (issues.length === 0) return warnings;
  throw new RefusalError('InvalidInput', 'the input does not fit the model', { issues });
}

function unclear(key: string, cause: unknown): RefusalError {
  const message = `Temporal does not answer, so that it is not known whether the order was taken: repeat it with Idempotency-Key: ${key}`;
  return new RefusalError('TemporalUnreachable', message, {
    headers: { 'runcomfy-temporal-key': key, 'retry-after': '2' },
    cause,
  });
}
