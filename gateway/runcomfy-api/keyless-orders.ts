import { randomUUID } from 'node:crypto';
import type { FastifyReply } from 'fastify';
import { LRUCache } from 'lru-cache';
import type { KeylessOrder } from '../generations/deduped-key.ts';
import { orderDigest } from '../generations/order-digest.ts';

const maxKept = 10_000;
const sameOrderMs = 10 * 60_000;

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
  return orderDigest(principal.tenant, principal.keyId ?? principal.subject, model, input).toString('base64');
}
