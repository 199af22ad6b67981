import type { GenerationRequest, InputIssue } from '../../../domain/generation.ts';
import { hintsClause, issuesSentence } from '../../../domain/issues.ts';
import { maxBytesAtOnce, maxRequestBytes, parseGenerationRequest, tooManyBytes } from '../../../domain/request.ts';
import { maxWebhookKeyLength } from '../../../domain/webhook/webhook.ts';
import { validateBundled } from '../../../runcomfy/models/index.ts';
import { GenerationError } from '../../errors.ts';
import { checkNewKey } from '../check-arguments.ts';
import { toJsonText } from './to-json.ts';

/** An order before it is checked. */
export type RequestDraft = Omit<GenerationRequest, 'input'> & { input?: object };

/** Options of a check. */
export interface CheckOptions {
  /** The API that workers send orders to. If it is a simulator on loopback, media on its own host are accepted. */
  modelApiBase?: string | undefined;
  /** The call only attaches to an existing generation: an input that was accepted then may be refused by now. */
  isLookedFor?: boolean | undefined;
}

/** The checked order, and hints about it. */
export interface CheckedRequest {
  order: GenerationRequest;
  /** Hints about the input; none of them stops the order. */
  warnings: string[];
}

/**
 * Checks an order and returns it as plain JSON. Throws `InvalidInput` with every problem that can be found locally: in
 * the shape of the request, and in the input of a bundled model.
 */
export function checkRequest(
  request: RequestDraft,
  key: string,
  { modelApiBase, isLookedFor = false }: CheckOptions = {},
): CheckedRequest {
  checkNewKey(key);
  const maxBytes = isLookedFor ? maxBytesAtOnce : maxRequestBytes;
  const parsed = parseGenerationRequest(toJson(request, key, maxBytes));
  if (!parsed.ok) throw invalid(key, parsed.model, parsed.issues);
  const { request: order } = parsed;
  if (order.webhook) checkNewKey(key, maxWebhookKeyLength);
  // RunComfy has already accepted the input of a request that is taken over; it may also be missing.
  const { issues, warnings } =
    order.requestId === undefined && !isLookedFor
      ? validateBundled(order.model, order.input, modelApiBase)
      : { issues: [], warnings: [] };
  if (issues.length > 0) throw invalid(key, order.model, issues, warnings);
  return { order, warnings };
}

function toJson(request: unknown, key: string, maxBytes: number): unknown {
  const json = toJsonText(request);
  if ('issues' in json) throw invalid(key, '', json.issues);
  const bytes = Buffer.byteLength(json.text);
  if (bytes <= maxBytes) return JSON.parse(json.text);
  throw invalid(key, '', [{ path: '$', message: tooManyBytes(bytes, maxBytes) }]);
}

function invalid(key: string, model: string, issues: InputIssue[], warnings: string[] = []): GenerationError {
  const named = model === '' ? `key ${key}` : `model ${model}, key ${key}`;
  return new GenerationError({
    type: 'InvalidInput',
    message: `nothing was sent, the request is not valid (${named}): ${issuesSentence(issues)}${hintsClause(warnings)}`,
    key,
    model: model === '' ? undefined : model,
    submission: 'not_sent',
    issues,
  });
}
