import { randomBytes } from 'node:crypto';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { createEncryptionCodec, EncryptionError } from '../../../codec/index.ts';

const first = randomBytes(32);
const second = randomBytes(32);
const prompt = { prompt: 'a secret cliff at golden hour', seed: 7 };

function payload(value: unknown = prompt): Payload {
  return defaultPayloadConverter.toPayload(value);
}

function text(bytes: Uint8Array | null | undefined): string {
  return Buffer.from(bytes ?? []).toString('utf8');
}

async function one(promise: Promise<Payload[]>): Promise<Payload> {
  const [only] = await promise;
  if (only === undefined) throw new Error('the codec lost a payload');
  return only;
}

describe('the encryption codec', () => {
  const codec = createEncryptionCodec({ keys: { '2026-11': first }, activeKeyId: '2026-11' });

  it('gives back what was encrypted, and shows nothing of it on the way', async () => {
    const sealed = await one(codec.encode([payload()]));
    expect(text(sealed.metadata?.['encoding'])).toBe('binary/encrypted');
    expect(text(sealed.metadata?.['encryption-key-id'])).toBe('2026-11');
    expect(text(sealed.metadata?.['encryption-codec-version'])).toBe('1');
    expect(text(sealed.data)).not.toContain('cliff');
    expect(Buffer.from(sealed.data ?? []).toString('latin1')).not.toContain('json/plain');
    expect(defaultPayloadConverter.fromPayload(await one(codec.decode([sealed])))).toEqual(prompt);
  });

  it('encrypts the same payload differently each time', async () => {
    const [a, b] = await codec.encode([payload(), payload()]);
    expect(text(a?.data)).not.toBe(text(b?.data));
  });

  it('keeps a payload without data, and an empty list', async () => {
    const sealed = await codec.encode([defaultPayloadConverter.toPayload(undefined)]);
    expect(defaultPayloadConverter.fromPayload(await one(codec.decode(sealed)))).toBeUndefined();
    expect(await codec.encode([])).toEqual([]);
  });

  it('still reads what an older key encrypted, and encrypts with the active one', async () => {
    const sealed = await codec.encode([payload()]);
    const rotated = createEncryptionCodec({
      keys: { '2026-11': first.toString('base64'), '2026-12': second },
      activeKeyId: '2026-12',
    });
    expect(defaultPayloadConverter.fromPayload(await one(rotated.decode(sealed)))).toEqual(prompt);
    const fresh = await one(rotated.encode([payload()]));
    expect(text(fresh.metadata?.['encryption-key-id'])).toBe('2026-12');
  });

  it('passes on what was never encrypted', async () => {
    const plain = payload();
    expect(await codec.decode([plain])).toEqual([plain]);
  });

  it('refuses a payload whose bytes, key id or version were changed', async () => {
    const twin = createEncryptionCodec({ keys: { '2026-11': first, twin: first }, activeKeyId: 'twin' });
    const sealed = await one(codec.encode([payload()]));
    const flip = (index: number) => {
      const data = Buffer.from(sealed.data ?? []);
      data.writeUInt8(data.readUInt8(index) ^ 1, index);
      return { ...sealed, data };
    };
    const size = sealed.data?.length ?? 0;
    const relabelled = { ...sealed, metadata: { ...sealed.metadata, 'encryption-key-id': Buffer.from('twin') } };
    const cut = { ...sealed, data: Buffer.from(sealed.data ?? []).subarray(0, 20) };
    for (const changed of [flip(0), flip(20), flip(size - 1), relabelled, cut]) {
      await expect(twin.decode([changed])).rejects.toThrow(/was changed/);
    }
    const newer = { ...sealed, metadata: { ...sealed.metadata, 'encryption-codec-version': Buffer.from('2') } };
    await expect(codec.decode([newer])).rejects.toThrow(/another codec/);
  });

  it('names the key that is missing, and never its value', async () => {
    const other = createEncryptionCodec({ keys: { other: second }, activeKeyId: 'other' });
    const sealed = await codec.encode([payload()]);
    await expect(other.decode(sealed)).rejects.toThrow(/key "2026-11".*not among/);
  });

  it('refuses keys that are no keys', () => {
    const short = randomBytes(16).toString('base64');
    const make = (keys: Record<string, Uint8Array | string>, activeKeyId = 'a') => {
      return () => createEncryptionCodec({ keys, activeKeyId });
    };
    expect(make({ a: short })).toThrow(EncryptionError);
    expect(make({ a: short })).not.toThrow(short);
    expect(make({ a: 'not base64, but of a length that could be one!!' })).toThrow(/32 bytes/);
    expect(make({ a: first, 'b c': second })).toThrow(/Key id/);
    expect(make({ b: first })).toThrow(/activeKeyId/);
    expect(make({ a: first })).not.toThrow();
  });

  it.each(['base64', 'base64url', 'hex'] as const)('shows no key in %s that stands where an id belongs', (form) => {
    const text = randomBytes(32).toString(form);
    for (const misplaced of [text, text.replace(/=+$/, '')]) {
      const swapped = () => createEncryptionCodec({ keys: { a: first, [misplaced]: 'k1' }, activeKeyId: 'a' });
      expect(swapped).toThrow(/number 2/);
      expect(swapped).not.toThrow(misplaced);
      const named = () => createEncryptionCodec({ keys: { a: first }, activeKeyId: misplaced });
      expect(named).toThrow(/activeKeyId/);
      expect(named).not.toThrow(misplaced);
    }
  });
});
