import type { FastifyRateLimitStore } from '@fastify/rate-limit';
import { LRUCache } from 'lru-cache';

const maxKeys = 10_000;

/**
 * Counts the calls of each key, in windows of milliseconds that begin with its first one; `incr` tells of those of this window and of the
 * milliseconds that are left of it. The limiter's own store goes by the machine's clock: set back, a window would last for so much longer.
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
