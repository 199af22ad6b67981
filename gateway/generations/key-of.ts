import { createHash } from 'node:crypto';
import { RefusalError } from '../http/refusal-error.ts';

const keyPattern = /^[A-Za-z0-9_-]{1,128}$/;

/** Whether a text can be a request id of this gateway. */
export function isRequestKey(text: string): boolean {
  return keyPattern.test(text);
}

/** The key for an `Idempotency-Key`: the text itself if it can be a request id, else a UUID derived from it. */
export function keyOf(header: string): string {
  const text = idempotencyKeyOf(header);
  return isRequestKey(text) ? text : uuidOf(createHash('sha256').update(text).digest());
}

/** The text of an `Idempotency-Key`. */
export function idempotencyKeyOf(header: string): string {
  const text = unquoted(header);
  if (text !== undefined && /^[\x21-\x7e]{1,255}$/.test(text)) return text;
  throw new RefusalError('MalformedRequest', 'Idempotency-Key: expected 1 to 255 visible ASCII characters');
}

/** The text of an RFC 8941 string, or of an unquoted value; undefined if the quotes do not match. */
function unquoted(header: string): string | undefined {
  if (!header.startsWith('"')) return header.includes('"') ? undefined : header;
  const [, inner] = /^"((?:[^"\\]|\\["\\])*)"$/.exec(header) ?? [];
  return inner?.replaceAll(/\\(["\\])/g, '$1');
}

/** A UUID (version 8) made from a digest. */
export function uuidOf(digest: Buffer): string {
  const bytes = Buffer.from(digest.subarray(0, 16));
  bytes[6] = (bytes.readUInt8(6) & 0x0f) | 0x80;
  bytes[8] = (bytes.readUInt8(8) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
