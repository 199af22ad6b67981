import { setTimeout as sleep } from 'node:timers/promises';
import rateLimit, { type FastifyRateLimitStoreCtor } from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { joinSignals } from '../../abort-signals/join-signals.ts';
import { RefusalError } from '../http/refusal-error.ts';
import { goneSignal } from '../http/waiting.ts';
import { createCallCounts } from './call-counts.ts';

const windowMs = 60_000;
/**
 * Clients wait 20 s for an answer and treat a refused read as the end of their job; the rest of that time is for the
 * answer itself.
 */
const longestHoldMs = 14_000;
const maxHeldPerKey = 100;
/**
 * How long a call is held beyond `maxHeldPerKey`, and how long the answer of a cancel is held: a key over its limit is
 * slowed down in any case.
 */
const excessHoldMs = 2_000;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route places an order: it counts as a start. Over the limit it is refused, where other calls are held. */
    isStart?: boolean;
    /**
     * The route cancels or pauses: over the limit only its answer is held, since the client may leave before a held
     * request is processed.
     */
    isCancel?: boolean;
  }
}

/** Enforces the rate limits of API keys. */
export interface RateLimits {
  /**
   * Counts a call, and a start if its route places an order. Over the limit an order is refused; other calls are held,
   * and of a cancel or pause only the answer.
   */
  takeCall: (request: FastifyRequest, reply: FastifyReply) => Promise<void>;
  /** Counts a start for a call whose route does not say that it places an order. */
  takeStart: (request: FastifyRequest) => Promise<void>;
}

/** Limits the calls and starts of each API key per minute; `stopping` releases held calls. */
export async function createRateLimits(app: FastifyInstance, stopping: AbortSignal): Promise<RateLimits> {
  // The plugin calls it with `new`, which returns the object that the function returns.
  const store = createCallCounts as unknown as FastifyRateLimitStoreCtor;
  await app.register(rateLimit, { global: false, store });
  const limitOf = (limit: 'requestsPerMinute' | 'startsPerMinute') =>
    app.createRateLimit({
      timeWindow: windowMs,
      keyGenerator: ({ principal }) => principal.keyId ?? '',
      allowList: ({ principal }) => principal.keyId === undefined || principal[limit] === undefined,
      max: ({ principal }) => principal[limit] ?? 0,
    });
  const counters = { calls: limitOf('requestsPerMinute'), starts: limitOf('startsPerMinute') };
  const held = new Map<string, number>();
  const withHeldAnswer = new WeakSet<FastifyReply>();

  const pause = async (ms: number, reply: FastifyReply): Promise<void> => {
    const signal = joinSignals([goneSignal(reply), stopping]);
    await sleep(Math.max(ms, 0), undefined, { signal }).catch(() => undefined);
  };

  const hold = async (key: string, forMs: number, reply: FastifyReply): Promise<void> => {
    const before = held.get(key) ?? 0;
    const longestMs = before < maxHeldPerKey ? longestHoldMs : excessHoldMs;
    held.set(key, before + 1);
    await pause(Math.min(forMs, longestMs), reply);
    const rest = (held.get(key) ?? 1) - 1;
    if (rest === 0) held.delete(key);
    else held.set(key, rest);
  };

  app.addHook('onSend', async (_request, reply) => {
    if (withHeldAnswer.has(reply)) await pause(excessHoldMs - reply.elapsedTime, reply);
  });

  return {
    async takeCall(request, reply) {
      const { isStart = false, isCancel = false } = request.routeOptions.config;
      for (const [what, count] of Object.entries(counters)) {
        if (what === 'starts' && !isStart) continue;
        const counted = await count(request);
        if (counted.isAllowed) continue;
        const { key, max, remaining, ttl, ttlInSeconds, isExceeded } = counted;
        reply.headers({
          'ratelimit-limit': String(max),
          'ratelimit-remaining': String(remaining),
          'ratelimit-reset': String(ttlInSeconds),
        });
        if (!isExceeded) continue;
        if (isCancel) {
          withHeldAnswer.add(reply);
          continue;
        }
        if (isStart) throw tooMany(what, counted);
        // Answered after the hold, since clients stop waiting at a refusal.
        await hold(key, ttl, reply);
      }
    },
    async takeStart(request) {
      const counted = await counters.starts(request);
      if (!counted.isAllowed && counted.isExceeded) throw tooMany('starts', counted);
    },
  };
}

function tooMany(what: string, { max, ttlInSeconds }: { max: number; ttlInSeconds: number }): RefusalError {
  const sentence = `this API key may make ${String(max)} ${what} a minute: repeat this one in ${String(ttlInSeconds)} s`;
  return new RefusalError('TooManyRequests', sentence, { headers: { 'retry-after': String(ttlInSeconds) } });
}
