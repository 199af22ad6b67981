import { createHash, randomUUID } from 'node:crypto';
import type { FastifyReply } from 'fastify';
import { LRUCache } from 'lru-cache';
import { isJsonObject } from '../../domain/json.ts';
import type { Principal } from '../access/principal.ts';

const maxKept = 10_000;
const sameOrderMs = 10 * 60_000;

interface KeylessOrder {
  principal: Principal;
  model: string;
  input: Record<string, unknown>;
}

/** The keys of orders that come without one. */
export interface KeylessOrders {
  /** The key of an equal order of the last ten minutes whose answer provably never reached its client, else a new one. */
  keyFor: (reply: FastifyReply, order: KeylessOrder) => string;
}

/** RunComfy's own command line can send no key and takes a lost answer for a reason to order again. */
export function createKeylessOrders(): KeylessOrders {
  const lost = new LRUCache<string, string>({ max: maxKept, ttl: sameOrderMs });
  return {
    keyFor({ raw }, order) {
      const digest = digestOf(order);
      const key = lost.get(digest) ?? randomUUID();
      raw.once('close', () => {
        if (raw.writableFinished) lost.delete(digest);
        else lost.set(digest, key);
      });
      return key;
    },
  };
}

function digestOf({ principal, model, input }: KeylessOrder): string {
  const text = JSON.stringify([principal.tenant, principal.keyId, model, sorted(input)]);
  return createHash('sha256').update(text).digest('base64');
}

/** The same text for the same document: an object's keys in one order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isJsonObject(value)) return value;
  return Object.keys(value)
    .toSorted()
    .map((name) => [name, sorted(value[name])]);
}
