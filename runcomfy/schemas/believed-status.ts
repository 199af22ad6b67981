import type { RequestStatus } from '../../domain/activities.ts';
import { isRefusalCode } from './error-body.ts';
import { isDocumentedEnd, readStatusWord } from './status-words.ts';

/**
 * What a reply says of the work. `{ status: 'error' }` is also what servers in front of RunComfy write about a call of
 * their own: a word for a failure that RunComfy does not document counts only where nobody else can have written it.
 */
export function readStatus(reply: Readonly<Record<string, unknown>>, requestId: string | undefined): RequestStatus {
  const status = readStatusWord(reply['status']);
  if (status !== 'failed' || isDocumentedEnd(reply['status'])) return status;
  return namesRequest(reply, requestId) || isRefusalCode(reply['error_code']) ? status : 'unrecognized';
}

/** Whether a reply names the request that was asked for, as only RunComfy does. */
export function namesRequest(reply: Readonly<Record<string, unknown>>, requestId: string | undefined): boolean {
  return requestId !== undefined && reply['request_id'] === requestId;
}
