import { createHash } from 'node:crypto';
import { isJsonObject } from '../domain/json.ts';

const digestLength = 12;

/**
 * The identity of an order: 12 hex digits of SHA-256 over model, input and take. The order of object keys does not
 * matter. Deadlines, waiting and failure rules are left out, so that editing them does not cause a new order.
 */
export function orderDigest(order: { model: string; input: Readonly<Record<string, unknown>>; take?: number }): string {
  const { model, input, take = 1 } = order;
  return createHash('sha256').update(canonicalJson({ model, input, take })).digest('hex').slice(0, digestLength);
}

/** JSON with sorted keys. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(sorted(value));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}
