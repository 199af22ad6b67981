import { createHash } from 'node:crypto';
import { isJsonObject } from '../../domain/json.ts';

/** SHA-256 of JSON values, independent of the order of object keys. */
export function orderDigest(...parts: readonly unknown[]): Buffer {
  return createHash('sha256')
    .update(JSON.stringify(parts.map(sorted)))
    .digest();
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isJsonObject(value)) return value;
  return Object.keys(value)
    .toSorted()
    .map((name) => [name, sorted(value[name])]);
}
