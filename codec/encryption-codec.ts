import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import type { Payload, PayloadCodec } from '@temporalio/common';
import proto from '@temporalio/proto';

const { Payload: PayloadMessage } = proto.temporal.api.common.v1;

/** The `encoding` of an encrypted payload, named as in Temporal's own examples. */
const encryptedEncoding = 'binary/encrypted';

const codecVersion = '1';
const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

/** AES-256 keys by id. A key is 32 bytes, raw or in base64. */
export interface EncryptionKeys {
  keys: Readonly<Record<string, Uint8Array | string>>;
  /** The key that encrypts new payloads. The others still decrypt what they once encrypted. */
  activeKeyId: string;
}

/**
 * Thrown when a payload cannot be decrypted or the keys cannot be used. The message says what to do and holds no key.
 */
export class EncryptionError extends Error {
  override readonly name = 'EncryptionError';
  /** The named key is available, but the payload was not encrypted with it: no other key will help. */
  readonly isForged: boolean;

  constructor(message: string, { isForged = false, ...options }: ErrorOptions & { isForged?: boolean } = {}) {
    super(message, options);
    this.isForged = isForged;
  }
}

/**
 * A payload codec for Temporal: AES-256-GCM over the whole payload, with a fresh nonce each time. The metadata holds
 * the key id and the codec version; both are authenticated. Payloads that are not encrypted pass unchanged, so that
 * histories from before the codec was enabled stay readable. Throws when the keys cannot be used.
 */
export function createEncryptionCodec({ keys, activeKeyId }: EncryptionKeys): PayloadCodec {
  const byId = new Map(Object.entries(keys).map(([id, key], index) => [id, parseKey(id, key, index + 1)]));
  const activeKey = byId.get(activeKeyId);
  if (activeKey === undefined) {
    const named = isShowable(activeKeyId) ? `"${activeKeyId}"` : 'one';
    throw new EncryptionError(`activeKeyId names ${named} that is not among the keys; add it or name another.`);
  }
  return {
    encode: (payloads) =>
      Promise.resolve(payloads).then((all) => all.map((payload) => encrypt(payload, activeKeyId, activeKey))),
    decode: (payloads) => Promise.resolve(payloads).then((all) => all.map((payload) => decrypt(payload, byId))),
  };
}

/** Whether a message may show an id. A key that was put in its place is longer than this, however it is written. */
function isShowable(id: string): boolean {
  return /^[A-Za-z0-9._-]{1,20}$/.test(id);
}

function parseKey(id: string, key: Uint8Array | string, position: number): KeyObject {
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(id)) {
    throw new EncryptionError(
      `Key id number ${String(position)} is not 1 to 64 letters, digits, dots, hyphens, underscores.`,
    );
  }
  const bytes = typeof key === 'string' ? Buffer.from(key, 'base64') : Buffer.from(key);
  const isBase64 = typeof key !== 'string' || withoutPadding(bytes.toString('base64')) === withoutPadding(key);
  if (!isBase64 || bytes.length !== keyBytes) {
    const named = isShowable(id) ? `"${id}"` : `number ${String(position)}`;
    throw new EncryptionError(`Key ${named} is not 32 bytes; \`openssl rand -base64 32\` makes one.`);
  }
  return createSecretKey(bytes);
}

function withoutPadding(base64: string): string {
  return base64.trim().replace(/=+$/, '');
}

function encrypt(payload: Payload, keyId: string, key: KeyObject): Payload {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(authenticated(codecVersion, keyId));
  const data = Buffer.concat([
    nonce,
    cipher.update(PayloadMessage.encode(payload).finish()),
    cipher.final(),
    cipher.getAuthTag(),
  ]);
  const metadata = {
    encoding: Buffer.from(encryptedEncoding),
    'encryption-key-id': Buffer.from(keyId),
    'encryption-codec-version': Buffer.from(codecVersion),
  };
  return { metadata, data };
}

function decrypt(payload: Payload, keys: ReadonlyMap<string, KeyObject>): Payload {
  if (textOf(payload, 'encoding') !== encryptedEncoding) return payload;
  const version = textOf(payload, 'encryption-codec-version');
  const keyId = textOf(payload, 'encryption-key-id') ?? '';
  if (version !== codecVersion) {
    throw new EncryptionError(
      `A payload was encrypted by another codec (version ${version ?? 'unnamed'}, here ${codecVersion}); decode it with that one.`,
    );
  }
  const key = keys.get(keyId);
  if (key === undefined) {
    throw new EncryptionError(
      `A payload was encrypted with key "${keyId}", which is not among the keys; add it again.`,
    );
  }
  const data = Buffer.from(payload.data ?? []);
  try {
    const nonce = data.subarray(0, nonceBytes);
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
    decipher.setAAD(authenticated(version, keyId));
    decipher.setAuthTag(data.subarray(-tagBytes));
    const plain = Buffer.concat([decipher.update(data.subarray(nonceBytes, -tagBytes)), decipher.final()]);
    const { metadata, data: bytes } = PayloadMessage.decode(plain);
    return { metadata, data: bytes };
  } catch (cause) {
    throw new EncryptionError(
      `A payload encrypted with key "${keyId}" was changed, or that key has another value here than where it was encrypted.`,
      { cause, isForged: true },
    );
  }
}

/** The additional authenticated data: bound to the ciphertext, but not encrypted. */
function authenticated(version: string, keyId: string): Buffer {
  return Buffer.from(`runcomfy-temporal ${version} ${keyId}`);
}

function textOf({ metadata }: Payload, name: string): string | undefined {
  const value = metadata?.[name];
  return value === undefined ? undefined : Buffer.from(value).toString('utf8');
}
