import type { FailureType } from '../domain/failure-type.ts';
import { issuesSentence } from '../domain/issues.ts';
import { isJsonObject, withoutUndefined } from '../domain/json.ts';
import { isRequestId } from '../domain/request.ts';
import { cutText } from '../domain/text.ts';
import { tellsEnd } from './end-of-work.ts';
import type { Endpoint } from './endpoints.ts';
import { foreignRequestCode, RunComfyError, type RunComfyErrorDetails } from './errors.ts';
import { type Exchange, type ReplyBody, UnreadableReply } from './http/transport.ts';
import { meantStatus, typeOf } from './meaning.ts';
import { namesAnother } from './schemas/believed-status.ts';
import { type ErrorBody, isRefusalCode, readErrorBody, readErrorInSuccess } from './schemas/error-body.ts';
import { describeError } from './token/scrub.ts';
import { requestIdIn, tellsOfWork } from './told-work.ts';

type Answered = Extract<Exchange, { kind: 'answered' }>;

const maxReplyLength = 1_000;

/** What a call was for: its endpoint decides the classification, and `what` names the call in messages. */
export interface CallContext {
  endpoint: Endpoint;
  /** Begins the message, e.g. `Reading the status of request 4f…`. */
  what: string;
  /** The request that the call is about. */
  requestId?: string;
}

/**
 * Statuses by which RunComfy's own application says that it did not carry out the call. Excluded are 408 and the
 * statuses that only gateways use (499, 460), since the API behind them may have gone on, and all of 3xx, since a
 * server may answer 302 or 303 *after* it accepted a POST.
 */
const refusals = new Set([
  400, 401, 402, 403, 404, 405, 406, 409, 410, 411, 412, 413, 414, 415, 416, 417, 422, 426, 428, 429, 431, 451, 503,
]);

/**
 * Statuses that a server in front of the application decides by the head of the request alone, before it forwards
 * anything: no credentials, no length, too long, too many. Its 400, 403, 404 and 5xx prove nothing: filters and error
 * pages can replace the reply of an application that has accepted the order, and some send `Retry-After` with every
 * reply.
 */
const refusalsBeforeForwarding = new Set([401, 411, 413, 414, 429, 431]);

/** Statuses about the order or its account. No server in front of the application sends them with a message in JSON. */
const refusalsInWords = new Set([402, 415, 422]);

/** Returns the JSON of a successful reply, or of one that tells how the work ended. Throws for everything else. */
export function bodyOf(context: CallContext, exchange: Exchange): unknown {
  if (exchange.kind === 'failed') throw classifyFailure(context, exchange);
  const isSuccess = exchange.httpStatus >= 200 && exchange.httpStatus < 300;
  const { body } = exchange;
  const value = body.kind === 'json' ? body.value : undefined;
  if (tellsEnd(context, exchange.httpStatus, value)) return value;
  if (!isSuccess) throw classifyError(context, exchange, readErrorBody(value));
  if (body.kind === 'unreadable') throw classifyFailure(context, { isSent: true, cause: body.cause }, toldBy(body));
  if (body.kind === 'text') {
    // A cancel may be answered with an empty body; the status of the request then tells whether it worked.
    if (context.endpoint === 'cancel' && body.text.trim() === '') return {};
    const found = body.text.trim() === '' ? 'an empty body' : `no JSON: ${excerpt(body.text)}`;
    throw unusableReply(context, exchange, found);
  }
  const error = readErrorInSuccess(value);
  if (error !== undefined) throw classifyError(context, exchange, error);
  return value;
}

/**
 * The error for a 2xx reply without the fields we rely on. On a submit, the order may have been accepted all the same.
 */
export function protocolMismatch(context: CallContext, exchange: Exchange, found: string): RunComfyError {
  if (exchange.kind === 'failed') return classifyFailure(context, exchange);
  if (context.endpoint === 'submit') return unusableReply(context, exchange, found);
  const { httpStatus } = exchange;
  return new RunComfyError(
    'ProtocolMismatch',
    `${context.what}: RunComfy's reply (HTTP ${String(httpStatus)}) is not what its API promises: ${found}`,
    { httpStatus },
  );
}

/** A short, single-line piece of a reply for a message. */
export function excerpt(value: unknown): string {
  const text = (typeof value === 'string' ? value : JSON.stringify(value)).replaceAll(/\s+/g, ' ').trim();
  return cutText(text, 200);
}

function unusableReply(context: CallContext, exchange: Answered, found: string): RunComfyError {
  const { httpStatus, body } = exchange;
  if (context.endpoint === 'submit') {
    return outcomeUnknown(context, `HTTP ${String(httpStatus)} with ${found}`, { httpStatus, ...toldBy(body) });
  }
  return new RunComfyError(
    'ServiceUnavailable',
    `${context.what}: RunComfy answered HTTP ${String(httpStatus)} with ${found}`,
    { httpStatus },
  );
}

/** The reply, for the person who has to decide what to do, and the request id found in it. */
function toldBy(body: ReplyBody): Pick<RunComfyErrorDetails, 'reply' | 'repliedRequestId'> {
  if (body.kind !== 'json') {
    const text = body.kind === 'text' ? body.text : (body.beginning ?? '');
    return text.trim() === '' ? {} : told(text, requestIdIn(text));
  }
  const { value, text } = body;
  if (!isJsonObject(value)) return told(JSON.stringify(value), undefined);
  const named = value['request_id'];
  if (typeof named !== 'number') return told(JSON.stringify(value), named);
  // A number that lost digits in parsing would name another request.
  const written = requestIdIn(text);
  const requestId = Number(written) === named ? written : undefined;
  const reply = Number.isSafeInteger(named) ? value : { ...value, request_id: requestId ?? named };
  return told(JSON.stringify(reply), requestId);
}

function told(reply: string, requestId: unknown): Pick<RunComfyErrorDetails, 'reply' | 'repliedRequestId'> {
  return { reply: cutText(reply, maxReplyLength), ...(isRequestId(requestId) && { repliedRequestId: requestId }) };
}

function classifyFailure(
  context: CallContext,
  { isSent, cause }: { isSent: boolean; cause: Error },
  told: RunComfyErrorDetails = {},
): RunComfyError {
  const { message, code } = describeError(cause);
  const reason = code === undefined || message.includes(code) ? message : `${code}, ${message}`;
  if (context.endpoint !== 'submit') {
    if (cause instanceof UnreadableReply) {
      return new RunComfyError('ProtocolMismatch', `${context.what}: the reply can never be read: ${reason}`, {
        cause,
      });
    }
    return new RunComfyError('ServiceUnavailable', `${context.what}: no whole answer from RunComfy (${reason})`, {
      cause,
    });
  }
  if (isSent) return outcomeUnknown(context, reason, { cause, ...told });
  return new RunComfyError(
    'ServiceUnavailable',
    `${context.what}: no connection to RunComfy (${reason}); nothing was sent, so it is safe to try again`,
    { submission: 'not_sent', cause },
  );
}

/** Whether this is a "not found" in JSON of unknown form, from RunComfy or a misrouting server on the way. */
function isUnsignedNotFound(endpoint: Endpoint, meaning: number, { message, code }: ErrorBody): boolean {
  if (endpoint !== 'status' && endpoint !== 'result' && endpoint !== 'cancel') return false;
  return (meaning === 404 || meaning === 410) && (message !== undefined || code !== undefined);
}

function isRefusalInWords({ httpStatus, body }: Answered, { message }: ErrorBody): boolean {
  if (!refusalsInWords.has(httpStatus) || message === undefined || body.kind !== 'json') return false;
  // A reply that names a request id may have created that request.
  return isJsonObject(body.value) && !/"request_?id"\s*:/i.test(JSON.stringify(body.value));
}

function classifyError(context: CallContext, exchange: Answered, error: ErrorBody): RunComfyError {
  const { httpStatus, retryAfterMs, body } = exchange;
  const meaning = meantStatus(httpStatus, error.code);
  const isUnsignedMiss = !error.isFromApplication && isUnsignedNotFound(context.endpoint, meaning, error);
  const type = isUnsignedMiss ? 'RequestNotFound' : typeOf(context.endpoint, meaning, error);
  const isOfAnother = body.kind === 'json' && isJsonObject(body.value) && namesAnother(body.value, context.requestId);
  const isForeign = error.code === foreignRequestCode && context.endpoint !== 'submit';
  // The id in an error body may be that of the HTTP call; a server in front of RunComfy does not know RunComfy's codes.
  const isOwnRefusal = isRefusalCode(error.code) && (type === 'RequestNotFound' || isForeign);
  const details: RunComfyErrorDetails = {
    httpStatus,
    ...withoutUndefined({
      vendorCode: error.code,
      // Left out if it only repeats the issues.
      vendorMessage: error.message === issuesSentence(error.issues ?? []) ? undefined : error.message,
      issues: error.issues,
      retryAfterMs,
      isFromApplication: error.isFromApplication || undefined,
      isUnsigned: isUnsignedMiss || (isOfAnother && !isOwnRefusal) || undefined,
      namesAnother: isOfAnother || undefined,
    }),
    ...(body.kind === 'unreadable' && { cause: body.cause }),
  };
  const facts = factsOf(exchange, error);
  if (context.endpoint === 'submit') {
    // HTTP 5xx with a 4xx code proves nothing.
    const isContradiction = meaning >= 500 && isRefusalCode(error.code);
    const isRefusal = error.isFromApplication
      ? refusals.has(meaning) && !isContradiction
      : refusalsBeforeForwarding.has(httpStatus) || isRefusalInWords(exchange, error);
    if (!isRefusal || tellsOfWork(body)) return outcomeUnknown(context, facts, { ...details, ...toldBy(body) });
    details.submission = 'refused';
  }
  if (isForeign && !isOfAnother) details.isPermanent = true;
  if (context.endpoint === 'result' && error.code === 400005) {
    return new RunComfyError('ServiceUnavailable', `${context.what}: it is not ready yet (${facts})`, {
      ...details,
      notReady: true,
    });
  }
  return new RunComfyError(type, `${context.what}: ${wordsOf(type, context.endpoint)} (${facts})`, details);
}

function outcomeUnknown(context: CallContext, reason: string, details: RunComfyErrorDetails): RunComfyError {
  return new RunComfyError(
    'SubmitOutcomeUnknown',
    `${context.what}: it may have been accepted and billed, but no request id came back (${reason}); ` +
      `look at the Generations page of the RunComfy account before sending it again`,
    { ...details, submission: 'unknown' },
  );
}

function factsOf({ httpStatus, body }: Answered, error: ErrorBody): string {
  const code = error.code === undefined ? '' : `, code ${String(error.code)}`;
  const words = error.message ?? (body.kind === 'text' && body.text.trim() !== '' ? excerpt(body.text) : undefined);
  return `HTTP ${String(httpStatus)}${code}${words === undefined ? '' : `: ${excerpt(words)}`}`;
}

function wordsOf(type: FailureType, endpoint: Endpoint): string {
  switch (type) {
    case 'InvalidInput':
      return endpoint === 'submit' ? 'RunComfy refused the model or its input' : 'RunComfy refused the question';
    case 'Unauthenticated':
      return 'RunComfy refused the token; check RUNCOMFY_API_TOKEN';
    case 'InsufficientBalance':
      return 'the RunComfy account has no balance left; top it up';
    case 'RequestNotFound':
      return 'RunComfy knows no such request, or it has expired';
    case 'RateLimited':
      return 'RunComfy asks to slow down';
    case 'ServiceUnavailable':
      return 'RunComfy is not available at the moment';
    case 'SubmitOutcomeUnknown':
    case 'ProtocolMismatch':
    case 'GenerationFailed':
    case 'GenerationCancelled':
    case 'GenerationTimedOut':
    case 'BudgetExceeded':
    case 'PriceUnknown':
    case 'PipelineFailed':
    case 'PipelineCancelled':
    case 'PipelineTimedOut':
      return 'RunComfy answered with an error';
  }
}
