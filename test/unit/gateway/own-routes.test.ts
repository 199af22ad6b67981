import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { fastify, type FastifyRequest, type RouteOptions } from 'fastify';
import pino from 'pino';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { addOwnApi } from '../../../gateway/api/add-own-api.ts';
import { apiBase } from '../../../gateway/api/operation.ts';
import { createGateway } from '../../../gateway/create-gateway.ts';
import type { GatewayParts } from '../../../gateway/gateway-parts.ts';
import { RefusalError, type RefusalName } from '../../../gateway/http/refusal-error.ts';
import { createGatewayMetrics } from '../../../gateway/metrics/gateway-metrics.ts';
import { root } from '../../support/docs.ts';

const text = readFileSync(path.join(root, 'docs/openapi.json'), 'utf8');
interface Operation {
  operationId?: string;
  security?: unknown[];
  responses: Record<string, object>;
}
interface Document {
  paths: Record<string, Record<string, Operation>>;
}
const { paths } = JSON.parse(text) as Document;

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

/** All that both documents have, and what each answers. */
const documented = [paths, (parse(readFileSync(path.join(root, 'docs/compat-openapi.yaml'), 'utf8')) as Document).paths]
  .flatMap(Object.entries<Record<string, Operation>>)
  .flatMap(([place, operations]) =>
    Object.entries(operations)
      .filter(([, { operationId }]) => operationId !== undefined)
      .map(([method, operation]) => ({ place, method: method as 'get', operation })),
  );

/** How a call is answered that names no host. */
function statusWithoutHost(port: number, method: string, path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, method, path, setHost: false, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    asked.on('error', reject).end();
  });
}

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
    access,
    metrics: createGatewayMetrics(),
    log: pino({ level: 'silent' }),
    isDraining: () => false,
    settings: { host: '127.0.0.1' },
  } as unknown as GatewayParts;
  const app = await createGateway(parts, () => Promise.resolve({ ready: true }));
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  for (const { place, method, operation } of documented) {
    const url = place.replaceAll(/\{\w+\}/g, 'x');
    const answers = Object.keys(operation.responses);
    const refused = async (status: number, headers: Record<string, string>, more: object = {}) => {
      const all = { host: '127.0.0.1', authorization: 'valid', ...headers };
      const answer = await app.inject({ method, url, headers: all, ...more });
      expect([place, method, answer.statusCode], answer.body).toEqual([place, method, status]);
      expect(answers, `${method} ${place}`).toContain(String(status));
    };
    expect([place, method, await statusWithoutHost(port, method, url)]).toEqual([place, method, 400]);
    expect(answers, `${method} ${place}`).toContain('400');
    await refused(414, {}, { url: `${url}?x=${'x'.repeat(9_000)}` });
    await refused(421, { host: 'evil.example' });
    if (operation.security?.length !== 0) {
      await refused(401, { authorization: 'NotAuthenticated' });
      await refused(403, { authorization: 'NotAllowed' });
      await refused(429, { authorization: 'TooManyRequests' });
      await refused(503, { authorization: 'IssuerUnreachable' });
    }
    const long = { payload: `"${'x'.repeat(2 * 1024 * 1024)}"` };
    if (answers.includes('413')) await refused(413, { 'content-type': 'application/json' }, long);
    if (answers.includes('415')) await refused(415, { 'content-type': 'text/csv' }, { payload: 'x' });
    if (answers.includes('406')) await refused(406, { accept: 'application/json' });
  }
  await app.close();
});
