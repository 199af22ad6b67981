import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fastify, type FastifyRequest, type RouteOptions } from 'fastify';
import pino from 'pino';
import { expect, it } from 'vitest';
import { addOwnApi } from '../../../gateway/api/add-own-api.ts';
import { apiBase } from '../../../gateway/api/operation.ts';
import { createGateway } from '../../../gateway/create-gateway.ts';
import type { GatewayParts } from '../../../gateway/gateway-parts.ts';
import { RefusalError, type RefusalName } from '../../../gateway/http/refusal-error.ts';
import { createGatewayMetrics } from '../../../gateway/metrics/gateway-metrics.ts';
import { root } from '../../support/docs.ts';

const text = readFileSync(path.join(root, 'docs/openapi.json'), 'utf8');
interface Operation {
  security?: unknown[];
  requestBody?: object;
  responses: Record<string, object>;
}
const { paths } = JSON.parse(text) as { paths: Record<string, Record<string, Operation>> };

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

it('refuse what their handlers never hear of, each as its document has it', async () => {
  const access = {
    isAnonymous: false,
    // A credential is the reason for which it is refused.
    authenticate: ({ headers: { authorization } }: FastifyRequest) =>
      authorization === 'valid'
        ? Promise.resolve({ tenant: 'acme', scope: 'admin' })
        : Promise.reject(new RefusalError(authorization as RefusalName, 'no', { headers: { 'retry-after': '5' } })),
  };
  const parts = {
    ...{ access, metrics: createGatewayMetrics(), log: pino({ level: 'silent' }), isDraining: () => false },
    settings: { host: '127.0.0.1' },
  } as unknown as GatewayParts;
  const app = await createGateway(parts, () => Promise.resolve({ ready: true }));
  const asked = Object.entries(paths).flatMap(([place, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({ place, method: method as 'get', operation })),
  );
  for (const { place, method, operation } of asked.filter(({ operation: { security } }) => security?.length !== 0)) {
    const url = place.replaceAll(/\{\w+\}/g, 'x');
    const refused = async (status: number, headers: Record<string, string>, more: object = {}) => {
      const all = { host: '127.0.0.1', authorization: 'valid', ...headers };
      const answer = await app.inject({ method, url, headers: all, ...more });
      expect([place, method, answer.statusCode], answer.body).toEqual([place, method, status]);
      expect(Object.keys(operation.responses), `${method} ${place}`).toContain(String(status));
    };
    await refused(401, { authorization: 'NotAuthenticated' });
    await refused(403, { authorization: 'NotAllowed' });
    await refused(414, {}, { url: `${url}?x=${'x'.repeat(9_000)}` });
    await refused(421, { host: 'evil.example' });
    await refused(429, { authorization: 'TooManyRequests' });
    await refused(503, { authorization: 'IssuerUnreachable' });
    if (operation.requestBody === undefined) continue;
    await refused(413, { 'content-type': 'application/json' }, { payload: `"${'x'.repeat(2 * 1024 * 1024)}"` });
    await refused(415, { 'content-type': 'text/csv' }, { payload: 'x' });
  }
  await app.close();
});
