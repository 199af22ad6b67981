import type { RequestStatus } from '../../domain/activities.ts';
import { isRefusalCode } from './error-body.ts';
import { isDocumentedEnd, normalizeWord, readStatusWord } from './status-words.ts';

/**
 * The status of the work according to a reply. Servers in front of RunComfy also write `{ status: 'error' }` about a
 * call of their own, some with an id of that call. A failed or cancelled status therefore counts only if the reply
 * names the request, or if it names none and has RunComfy's documented word or one of RunComfy's own 4xx codes.
 */
export function readStatus(reply: Readonly<Record<string, unknown>>, requestId: string | undefined): RequestStatus {
  const status = readStatusWord(reply['status']);
  if ((status !== 'failed' && status !== 'cancelled') || namesRequest(reply, requestId)) return status;
  if (namesAnother(reply, requestId)) return 'unrecognized';
  return isDocumentedEnd(reply['status']) || isRefusalCode(reply['error_code']) ? status : 'unrecognized';
}

/** Whether a reply names a request other than the one asked for: it may be meant for someone else. */
export function namesAnother(reply: Readonly<Record<string, unknown>>, requestId: string | undefined): boolean {
  return requestId !== undefined && normalizeWord(reply['request_id']) !== '' && !namesRequest(reply, requestId);
}

/** Whether a reply names the request that was asked for, which only RunComfy does. */
export function namesRequest(reply: Readonly<Record<string, unknown>>, requestId: string | undefined): boolean {
  return requestId !== undefined && normalizeWord(reply['request_id']) === normalizeWord(requestId);
}
