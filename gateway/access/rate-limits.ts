import { setTimeout as sleep } from 'node:timers/promises';
import rateLimit, { type FastifyRateLimitStoreCtor } from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { joinSignals } from '../../abort-signals/join-signals.ts';
import { RefusalError } from '../http/refusal-error.ts';
import { goneSignal } from '../http/waiting.ts';
import { createCallCounts } from './call-counts.ts';

const windowMs = 60_000;
/** All clients wait for 20 s, and take one refused read for the end of their job: what is left is for the answer. */
const longestHoldMs = 14_000;
const maxHeldPerKey = 100;
/** One more than that, or the answer of a cancel, is held no longer than this, so that no key beyond its limit calls as fast as it likes. */
const excessHoldMs = 2_000;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route orders: it counts as a start, and is refused where others are held. */
    isStart?: boolean;
    /** The route cancels, or pauses: its answer alone is held, for its client may leave before the wish was read. */
    isCancel?: boolean;
  }
}

/** The limits of API keys. */
export interface RateLimits {
  /** Counts a call, and an order where its route makes one: an order too many is refused, any other held, of a cancel or pause the answer. */
  takeCall: (request: FastifyRequest, reply: FastifyReply) => Promise<void>;
  /** Counts an order of a call that is none by its route. */
  takeStart: (request: FastifyRequest) => Promise<void>;
}

/** Counts the calls and the orders of each API key in a minute; `stopping` ends what is held. */
export async function createRateLimits(app: FastifyInstance, stopping: AbortSignal): Promise<RateLimits> {
  // It is called with `new`, which gives what any function returns.
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
        // Then it is answered: a refusal would end the client's own wait.
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
