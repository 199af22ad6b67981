import type { FastifyRateLimitStore } from '@fastify/rate-limit';
import { LRUCache } from 'lru-cache';

const maxKeys = 10_000;

/**
 * Counts the calls of each key, in windows that start with the key's first call. `incr` reports the calls in the
 * current window and the milliseconds left in it. Replaces the rate limiter's own store, which uses the wall clock: if
 * that is set back, a window lasts longer by as much.
 */
export function createCallCounts(): FastifyRateLimitStore {
  const counts = new LRUCache<string, { current: number }>({ max: maxKeys, ttl: 1, ttlResolution: 0 });
  return {
    incr(key, tell, windowMs) {
      const current = (counts.get(key)?.current ?? 0) + 1;
      counts.set(key, { current }, { ttl: windowMs, noUpdateTTL: true });
      tell(null, { current, ttl: Math.round(counts.getRemainingTTL(key)) });
    },
    child: createCallCounts,
  };
}
