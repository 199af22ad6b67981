import { fastify } from 'fastify';
import { addOwnApi } from './api/add-own-api.ts';
import type { GatewayParts } from './gateway-parts.ts';

/** The OpenAPI document of our API, byte for byte as a gateway serves it. */
export async function readOwnDocument(): Promise<string> {
  const app = fastify();
  // Nothing is called, so the parts may be empty: only the routes are read.
  await addOwnApi(app, {} as GatewayParts, new AbortController().signal);
  await app.ready();
  const text = app.ownDocument();
  await app.close();
  return text;
}
