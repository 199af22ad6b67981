import { randomUUID } from 'node:crypto';
import type { FastifyReply } from 'fastify';
import { LRUCache } from 'lru-cache';
import type { KeylessOrder } from '../generations/deduped-key.ts';
import { orderDigest } from '../generations/order-digest.ts';
import { plain } from './state-words.ts';

const maxKept = 10_000;
const sameOrderMs = 10 * 60_000;
/** Statuses after which the order may have been accepted: clients that cannot send a key repeat it without one. */
const unclear = [500, 503];

/** The keys of orders that come without one. */
export interface KeylessOrders {
  /**
   * The key of an equal order of the last ten minutes whose answer did not reach its client or left the outcome open;
   * else a new key.
   */
  keyFor: (reply: FastifyReply, order: KeylessOrder) => { key: string; isNewKey: boolean };
}

/**
 * Assigns keys to orders without one: RunComfy's command line cannot send a key, and orders again if it gets no answer.
 */
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
        // The answer of an equal order under another key may still be missing.
        const left = all.filter((one) => one !== key);
        if (!isTold) lost.set(digest, [...left, key]);
        else if (left.length === 0) lost.delete(digest);
        else if (left.length < all.length) lost.set(digest, left, { noUpdateTTL: true });
      };
      // The client may have left before this, and `close` is not emitted again.
      if (raw.destroyed || raw.closed) settle();
      else raw.once('close', settle);
      return { key, isNewKey: lostKey === undefined };
    },
  };
}

/** A new key that messages can quote unchanged, without parts that RunComfy's command line takes for a status. */
function newKey(): string {
  for (;;) {
    const key = randomUUID();
    if (plain(key) === key) return key;
  }
}

function digestOf({ principal, model, input }: KeylessOrder): string {
  return orderDigest(principal.tenant, principal.keyId ?? principal.subject, model, input).toString('base64');
}
