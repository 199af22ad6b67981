import { isJsonObject } from '../domain/json.ts';
import type { Endpoint } from './endpoints.ts';
import { meantStatus, typeOf } from './meaning.ts';
import { readErrorBody } from './schemas/error-body.ts';
import { normalizeWord, readStatusWord } from './schemas/status-words.ts';

/** What servers answer about a call itself, whatever becomes of the work behind it. */
const aboutCalls = new Set([408, 425, 502, 503, 504]);

/**
 * Whether a reply to a read tells how the work ended, whatever error stands beside that. `{ status: 'error' }` is also what
 * many servers write about the call alone: what does not name the request counts only where nothing else speaks against it.
 */
export function tellsEnd(
  { endpoint, requestId }: { endpoint: Endpoint; requestId?: string },
  httpStatus: number,
  value: unknown,
): boolean {
  if ((endpoint !== 'status' && endpoint !== 'result') || !isJsonObject(value)) return false;
  const word = readStatusWord(value['status']);
  const isSuccess = httpStatus >= 200 && httpStatus < 300;
  if (word === 'finished') return isSuccess && !isAboutCall(endpoint, httpStatus, value);
  if (word !== 'failed' && word !== 'cancelled') return false;
  const isNamed = requestId !== undefined && value['request_id'] === requestId;
  if (!isSuccess) return httpStatus >= 400 && isNamed && !isAboutCall(endpoint, httpStatus, value);
  const isDocumented = ['failed', 'cancelled', 'canceled'].includes(normalizeWord(value['status']));
  return isDocumented || isNamed || !isAboutCall(endpoint, httpStatus, value);
}

function isAboutCall(endpoint: 'status' | 'result', httpStatus: number, value: Record<string, unknown>): boolean {
  const error = readErrorBody(value);
  if (error.code === 400005) return true;
  const meaning = meantStatus(httpStatus, error.code);
  const type = typeOf(endpoint, meaning, { ...error, isFromApplication: true });
  return aboutCalls.has(meaning) || type === 'Unauthenticated' || type === 'RateLimited' || type === 'RequestNotFound';
}
