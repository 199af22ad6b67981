import type { FailureType } from '../domain/failure-type.ts';
import { isJsonObject } from '../domain/json.ts';
import type { Endpoint } from './endpoints.ts';
import type { RunComfyError } from './errors.ts';
import { meantStatus, typeOf } from './meaning.ts';
import { namesRequest, readStatus } from './schemas/believed-status.ts';
import { readErrorBody } from './schemas/error-body.ts';

/** HTTP statuses that are about the call alone; the work behind it may go on. */
const aboutCalls = new Set([408, 425, 502, 503, 504]);
/** Failure types that are about the call alone. */
const typesAboutCalls = new Set<FailureType>([
  'Unauthenticated',
  'InsufficientBalance',
  'RateLimited',
  'RequestNotFound',
]);

/**
 * Whether a reply to a status or result read tells how the work ended, even next to an error. A reply that does not
 * name the request counts only if it is a 2xx whose error cannot be about the call alone.
 */
export function tellsEnd(
  { endpoint, requestId }: { endpoint: Endpoint; requestId?: string },
  httpStatus: number,
  value: unknown,
): boolean {
  if ((endpoint !== 'status' && endpoint !== 'result') || !isJsonObject(value)) return false;
  const word = readStatus(value, requestId);
  const isSuccess = httpStatus >= 200 && httpStatus < 300;
  if (word === 'finished') return isSuccess && !isAboutCall(endpoint, httpStatus, value);
  if (word !== 'failed' && word !== 'cancelled') return false;
  const isNamed = namesRequest(value, requestId);
  if (!isSuccess) return httpStatus >= 400 && isNamed && !isAboutCall(endpoint, httpStatus, value);
  return isNamed || !isAboutCall(endpoint, httpStatus, value);
}

/**
 * Whether an error that came instead of a result is RunComfy's own, by its code, and may be about the work rather than
 * the call alone.
 */
export function mayBeOfWork({
  type,
  httpStatus = 0,
  vendorCode,
  isFromApplication,
  isPermanent,
  namesAnother,
}: RunComfyError): boolean {
  if (isFromApplication !== true || vendorCode === undefined || isPermanent === true) return false;
  if (namesAnother === true) return false;
  return !aboutCalls.has(meantStatus(httpStatus, vendorCode)) && !typesAboutCalls.has(type);
}

function isAboutCall(endpoint: 'status' | 'result', httpStatus: number, value: Record<string, unknown>): boolean {
  const error = readErrorBody(value);
  if (error.code === 400005) return true;
  const meaning = meantStatus(httpStatus, error.code);
  const type = typeOf(endpoint, meaning, { ...error, isFromApplication: true });
  return aboutCalls.has(meaning) || typesAboutCalls.has(type);
}
