import { createHash } from 'node:crypto';

/** The 21-character id in the URL of a request's output file number `index`. */
export function fileIdOf(requestId: string, index: number): string {
  return createHash('sha256')
    .update(`${requestId}/${String(index)}`)
    .digest('base64url')
    .slice(0, 21);
}

/** Digest under which a token is known here; the token itself is kept nowhere. */
export function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
