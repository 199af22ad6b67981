import cors from '@fastify/cors';
import type { FastifyInstance, FastifyRequest } from 'fastify';

/** Headers of a reply that pages of other origins may read. */
const readable = [
  'Idempotent-Replayed',
  'RunComfy-Temporal-Key',
  'RunComfy-Temporal-Phase',
  'RunComfy-Temporal-Notice',
  'RunComfy-Request-Id',
  'X-Request-Id',
  'Retry-After',
  'RateLimit-Limit',
  'RateLimit-Remaining',
  'RateLimit-Reset',
  'ETag',
  'Location',
  'Age',
  'Preference-Applied',
  'X-RunComfy-Degraded',
  'WWW-Authenticate',
];

/**
 * Allows calls from pages of exactly these origins. To be added after the guard, which refuses all others, and before
 * the hooks that authenticate and limit callers.
 */
export async function allowOrigins(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  const settings = {
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST'],
    exposedHeaders: readable,
    maxAge: 600,
    strictPreflight: false,
  };
  await app.register(cors, {
    // An OPTIONS request that is not a preflight is treated like any other method.
    delegator: (request: FastifyRequest) =>
      Promise.resolve({ ...settings, preflight: request.headers['access-control-request-method'] !== undefined }),
  });
}
