import { createHash, randomBytes, randomInt, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const idLength = 8;
const secretLength = 43;
const checkLength = 6;
const form = /^rct_([0-9A-Za-z]{8})_([0-9A-Za-z]{49})$/;

/** An API key, which is shown only once, and its public id. */
export interface NewApiKey {
  id: string;
  key: string;
}

/** Makes an API key with 256 random bits; its prefix and checksum let secret scanners recognize it. */
export function createApiKey(): NewApiKey {
  const id = Array.from({ length: idLength }, () => digits[randomInt(digits.length)]).join('');
  const body = `rct_${id}_${base62(randomBytes(32), secretLength)}`;
  return { id, key: body + checkOf(body) };
}

/** The id of a well-formed key with a correct checksum; undefined for anything else. */
export function apiKeyIdOf(text: string): string | undefined {
  const body = text.slice(0, -checkLength);
  return form.test(text) && text.slice(-checkLength) === checkOf(body) ? form.exec(text)?.[1] : undefined;
}

/** The digest that is stored instead of the key. */
export function digestOf(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

/** Whether a key has this digest; compares in constant time. */
export function isKeyOf(key: string, sha256: string): boolean {
  return timingSafeEqual(Buffer.from(digestOf(key), 'hex'), Buffer.from(sha256, 'hex'));
}

function checkOf(body: string): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(body));
  return base62(bytes, checkLength);
}

function base62(bytes: Buffer, length: number): string {
  let rest = BigInt(`0x${bytes.toString('hex')}`);
  let text = '';
  for (; rest > 0n; rest /= 62n) text = `${digits[Number(rest % 62n)] ?? ''}${text}`;
  return text.padStart(length, '0');
}
