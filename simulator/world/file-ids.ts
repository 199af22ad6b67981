import { createHash } from 'node:crypto';

/** The 21-character id in the URL of a request's output file `index`. */
export function fileIdOf(requestId: string, index: number): string {
  return createHash('sha256')
    .update(`${requestId}/${String(index)}`)
    .digest('base64url')
    .slice(0, 21);
}

/** The digest that stands for a token; the token itself is never stored. */
export function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
