import { createHash } from 'node:crypto';
import { isJsonObject } from '../domain/json.ts';

const digestLength = 12;

/**
 * What an order is recognised by: 12 hex digits of SHA-256 over model, input and take. The order of an object's keys does
 * not count; deadlines, waiting and failure rules are no part of it, so that editing them pays nothing.
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
