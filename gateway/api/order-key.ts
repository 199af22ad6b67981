import { randomUUID } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { newKey } from '../contract/start-generation.ts';
import { idempotencyKeyOf } from '../generations/key-of.ts';
import { RefusalError } from '../http/refusal-error.ts';
import { singleHeader } from '../http/single-header.ts';

/** The key of an order: the one in the body, else `Idempotency-Key`, else a new UUID. */
export function keyOfOrder(request: FastifyRequest, given: string | undefined): { key: string; isNewKey: boolean } {
  const header = singleHeader(request, 'Idempotency-Key');
  if (header === undefined) return { key: given ?? randomUUID(), isNewKey: given === undefined };
  const named = newKey.safeParse(idempotencyKeyOf(header));
  if (!named.success) {
    const [problem] = named.error.issues;
    throw new RefusalError('MalformedRequest', `Idempotency-Key: ${problem?.message ?? 'not a key'}`);
  }
  if (given === undefined || given === named.data) return { key: named.data, isNewKey: false };
  throw new RefusalError('KeyMismatch', 'the body names one key and Idempotency-Key another: send one of them');
}
