import type { RequestStatus } from '../../domain/activities.ts';
import { isRefusalCode } from './error-body.ts';
import { isDocumentedEnd, normalizeWord, readStatusWord } from './status-words.ts';

/**
 * What a reply says of the work. `{ status: 'error' }` is also what servers in front of RunComfy write about a call of
 * their own, some under an id of that call: under none, a word for an end without an output counts where it is RunComfy's
 * documented one, or stands beside a code that nobody else writes.
 */
export function readStatus(reply: Readonly<Record<string, unknown>>, requestId: string | undefined): RequestStatus {
  const status = readStatusWord(reply['status']);
  if ((status !== 'failed' && status !== 'cancelled') || namesRequest(reply, requestId)) return status;
  if (namesAnother(reply, requestId)) return 'unrecognized';
  return isDocumentedEnd(reply['status']) || isRefusalCode(reply['error_code']) ? status : 'unrecognized';
}

/** Whether a reply names a request, and not the one that was asked for: it may be the answer to somebody else. */
export function namesAnother(reply: Readonly<Record<string, unknown>>, requestId: string | undefined): boolean {
  return requestId !== undefined && normalizeWord(reply['request_id']) !== '' && !namesRequest(reply, requestId);
}

/** Whether a reply names the request that was asked for, as only RunComfy does. */
export function namesRequest(reply: Readonly<Record<string, unknown>>, requestId: string | undefined): boolean {
  return requestId !== undefined && normalizeWord(reply['request_id']) === normalizeWord(requestId);
}
