import cors from '@fastify/cors';
import type { FastifyInstance, FastifyRequest } from 'fastify';

/** What pages of other origins may read of a reply. */
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

/** Lets pages of exactly these origins call; to be added after the guard, which refuses all others, and before what refuses them. */
export async function allowOrigins(app: FastifyInstance, origins: readonly string[]): Promise<void> {
  const settings = {
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST'],
    exposedHeaders: readable,
    maxAge: 600,
    strictPreflight: false,
  };
  await app.register(cors, {
    // What is no preflight is a method like any other.
    delegator: (request: FastifyRequest) =>
      Promise.resolve({ ...settings, preflight: request.headers['access-control-request-method'] !== undefined }),
  });
}
