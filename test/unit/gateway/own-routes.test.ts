import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fastify, type RouteOptions } from 'fastify';
import { expect, it } from 'vitest';
import { addOwnApi } from '../../../gateway/api/add-own-api.ts';
import { apiBase } from '../../../gateway/api/operation.ts';
import type { GatewayParts } from '../../../gateway/gateway-parts.ts';
import { root } from '../../support/docs.ts';

const text = readFileSync(path.join(root, 'docs/openapi.json'), 'utf8');
const { paths } = JSON.parse(text) as { paths: Record<string, Record<string, { security?: unknown[] }>> };

const isServed = ({ url, method }: RouteOptions) =>
  url.startsWith(apiBase) && !url.startsWith(`${apiBase}/docs`) && !Array.isArray(method) && method !== 'HEAD';

it('are those of the document, no more and no less, and ask for a credential where it says so', async () => {
  const routes: RouteOptions[] = [];
  const app = fastify();
  app.addHook('onRoute', (route) => {
    if (isServed(route)) routes.push(route);
  });
  await addOwnApi(app, {} as GatewayParts, new AbortController().signal);
  await app.ready();
  const served = routes.map(({ method, url, config }) => {
    const place = url.replaceAll(/:(\w+)/g, '{$1}');
    return `${String(method)} ${place}${config?.scope === undefined ? ' to anybody' : ''}`;
  });
  const told = Object.entries(paths).flatMap(([place, operations]) =>
    Object.entries(operations).map(
      ([method, { security }]) => `${method.toUpperCase()} ${place}${security?.length === 0 ? ' to anybody' : ''}`,
    ),
  );
  expect(told.length).toBeGreaterThan(40);
  expect(served.toSorted()).toEqual([...told, `GET ${apiBase}/openapi.json to anybody`].toSorted());
  await app.close();
});
