import { randomUUID } from 'node:crypto';
import type { FastifyReply } from 'fastify';
import { LRUCache } from 'lru-cache';
import type { KeylessOrder } from '../generations/deduped-key.ts';
import { orderDigest } from '../generations/order-digest.ts';
import { plain } from './state-words.ts';

const maxKept = 10_000;
const sameOrderMs = 10 * 60_000;
/** What is answered where the order may have been taken all the same: whoever can send no key repeats it without one. */
const unclear = [500, 503];

/** The keys of orders that come without one. */
export interface KeylessOrders {
  /** The key of an equal order of the last ten minutes whose answer never reached its client, or told nothing, else a new one. */
  keyFor: (reply: FastifyReply, order: KeylessOrder) => { key: string; isNewKey: boolean };
}

/** RunComfy's own command line can send no key and takes a lost answer for a reason to order again. */
export function createKeylessOrders(): KeylessOrders {
  const lost = new LRUCache<string, readonly string[]>({ max: maxKept, ttl: sameOrderMs });
  return {
    keyFor({ raw }, order) {
      const digest = digestOf(order);
      const [lostKey] = lost.get(digest) ?? [];
      const key = lostKey ?? newKey();
      const settle = () => {
        const all = lost.get(digest) ?? [];
        const isTold = raw.writableFinished && !unclear.includes(raw.statusCode);
        // An equal order under a key of its own may be lost still.
        const left = all.filter((one) => one !== key);
        if (!isTold) lost.set(digest, [...left, key]);
        else if (left.length === 0) lost.delete(digest);
        else if (left.length < all.length) lost.set(digest, left, { noUpdateTTL: true });
      };
      // Its client may have left while the order was looked at: that is told no more.
      if (raw.destroyed || raw.closed) settle();
      else raw.once('close', settle);
      return { key, isNewKey: lostKey === undefined };
    },
  };
}

/** One that is told in a sentence, where RunComfy's command line takes parts of it for a status. */
function newKey(): string {
  for (;;) {
    const key = randomUUID();
    if (plain(key) === key) return key;
  }
}

function digestOf({ principal, model, input }: KeylessOrder): string {
  return orderDigest(principal.tenant, principal.keyId ?? principal.subject, model, input).toString('base64');
}
