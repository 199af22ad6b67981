import { orderDigest } from '../generations/order-digest.ts';
import { RefusalError } from '../http/refusal-error.ts';

const digestLength = 22;

/** A page token as callers get it: bound to the filter, and to whoever lists. */
export function toPageToken(token: string, ...boundTo: readonly unknown[]): string {
  return `${digestOf(boundTo)}${Buffer.from(token, 'base64').toString('base64url')}`;
}

/** Temporal's token in a page token; one of another filter, or of somebody else's list, is refused. */
export function fromPageToken(text: string, ...boundTo: readonly unknown[]): string {
  const token = Buffer.from(text.slice(digestLength), 'base64url').toString('base64');
  if (text.startsWith(digestOf(boundTo)) && token !== '') return token;
  throw new RefusalError('MalformedRequest', 'pageToken: it is not one of this list: begin anew without it');
}

function digestOf(boundTo: readonly unknown[]): string {
  return orderDigest(...boundTo)
    .toString('base64url')
    .slice(0, digestLength);
}
