import { orderDigest } from '../generations/order-digest.ts';

/** A strong entity tag of a document; equal documents have the same tag on every replica. */
export function entityTag(document: unknown): string {
  return `"${orderDigest(document).toString('base64url')}"`;
}

/** Whether an `If-None-Match` names this tag. */
export function matchesTag(ifNoneMatch: string | undefined, tag: string): boolean {
  const tags = (ifNoneMatch ?? '').split(',').map((text) => text.trim().replace(/^W\//, ''));
  return tags.includes(tag) || tags.includes('*');
}
