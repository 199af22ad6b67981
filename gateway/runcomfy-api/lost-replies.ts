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

/** Orders without a key of their client's, whose first answer provably never reached it. */
export interface LostReplies {
  /** The key of such an order where it comes again within ten minutes, else a new one. */
  keyOf: (principal: Principal, model: string, input: Record<string, unknown>) => string;
  /** Remembers the key of an order if its connection closes before the answer is out. */
  watch: (reply: FastifyReply, order: KeylessOrder & { key: string }) => void;
}

/** RunComfy's own command line can send no key and takes a lost answer for a reason to order again. */
export function createLostReplies(): LostReplies {
  const keys = new LRUCache<string, string>({ max: maxKept, ttl: sameOrderMs });
  return {
    keyOf: (principal, model, input) => keys.get(digestOf({ principal, model, input })) ?? randomUUID(),
    watch({ raw }, { key, ...order }) {
      raw.once('close', () => {
        if (raw.writableFinished) keys.delete(digestOf(order));
        else keys.set(digestOf(order), key);
      });
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
