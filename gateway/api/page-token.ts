import { orderDigest } from '../generations/order-digest.ts';
import { RefusalError } from '../http/refusal-error.ts';

const digestLength = 22;

/** A page token for callers: bound to the filter, to the caller's scope, and to its position. */
export function toPageToken(token: string, ...boundTo: readonly unknown[]): string {
  const place = Buffer.from(token, 'base64').toString('base64url');
  return `${digestOf(boundTo, place)}${place}`;
}

/**
 * Temporal's token within a page token; refuses one of another filter or another caller's list, or one that was
 * altered.
 */
export function fromPageToken(text: string, ...boundTo: readonly unknown[]): string {
  const place = text.slice(digestLength);
  const token = Buffer.from(place, 'base64url').toString('base64');
  if (text.slice(0, digestLength) === digestOf(boundTo, place) && token !== '') return token;
  throw new RefusalError('MalformedRequest', 'pageToken: it is not one of this list: begin anew without it');
}

function digestOf(boundTo: readonly unknown[], place: string): string {
  return orderDigest(...boundTo, place)
    .toString('base64url')
    .slice(0, digestLength);
}
