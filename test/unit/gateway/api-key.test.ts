import { expect, it } from 'vitest';
import { apiKeyIdOf, createApiKey, digestOf, isKeyOf } from '../../../gateway/access/api-key.ts';

it('is well formed, with a checksum that every changed character breaks', () => {
  const { id, key } = createApiKey();
  expect(key).toMatch(/^rct_[0-9A-Za-z]{8}_[0-9A-Za-z]{49}$/);
  expect(apiKeyIdOf(key)).toBe(id);
  for (let at = 0; at < key.length; at += 1) {
    const other = key[at] === 'x' ? 'y' : 'x';
    expect(apiKeyIdOf(`${key.slice(0, at)}${other}${key.slice(at + 1)}`), String(at)).toBeUndefined();
  }
  for (const text of ['', 'rct_', key.slice(1), `${key}x`, ` ${key}`]) expect(apiKeyIdOf(text)).toBeUndefined();
});

it('is known by its digest alone', () => {
  const [{ key }, other] = [createApiKey(), createApiKey()];
  expect(isKeyOf(key, digestOf(key))).toBe(true);
  expect(isKeyOf(other.key, digestOf(key))).toBe(false);
});
