import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fastify, type RouteOptions } from 'fastify';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createCatalogueReads } from '../../../gateway/catalogue/catalogue-reads.ts';
import type { GatewayParts } from '../../../gateway/gateway-parts.ts';
import { type RefusalName, refusals } from '../../../gateway/http/refusal-error.ts';
import { addRunComfyApi } from '../../../gateway/runcomfy-api/add-runcomfy-api.ts';
import { earlyRefusals } from '../../../gateway/runcomfy-api/early-refusal.ts';
import { root } from '../../support/docs.ts';

interface Response {
  content?: Record<string, { examples?: Record<string, { value: { error_code: number } }> }>;
}

interface Operation {
  operationId: string;
  responses: Record<string, Response & { $ref?: string }>;
}

interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { responses: Record<string, Response> };
}

const { paths, components } = parse(readFileSync(path.join(root, 'docs/compat-openapi.yaml'), 'utf8')) as Document;
const operations = Object.entries(paths).flatMap(([place, methods]) =>
  Object.entries(methods)
    .filter(([method]) => method !== 'parameters')
    .map(([method, operation]) => ({ place, method: method.toUpperCase(), ...operation })),
);
const known: Record<string, { status: number; code: number }> = { ...refusals, ...earlyRefusals };

/** The refusals that an operation names by its examples, each with the status under which it stands. */
function refusalsOf({ responses }: Operation): { name: string; status: string; code: number }[] {
  return Object.entries(responses).flatMap(([status, { $ref = '', ...own }]) => {
    const response: Response = components.responses[$ref.replace('#/components/responses/', '')] ?? own;
    const examples = Object.entries(response.content?.['application/json']?.examples ?? {});
    return examples.map(([name, { value }]) => ({ name, status, code: value.error_code }));
  });
}

const everywhere: RefusalName[] = [
  ...(['MalformedRequest', 'NotAuthenticated', 'NotAllowed', 'ForeignOrigin', 'HostNotAllowed'] as const),
  ...(['TooManyRequests', 'TooSlow', 'PathTooLong', 'HeadersTooLarge', 'Internal', 'IssuerUnreachable'] as const),
];
const asksRunComfy: RefusalName[] = ['CatalogueUnavailable', 'RouteNotFound', 'InvalidInput'];
const temporalAway = ['TemporalUnreachable', 'Overloaded', 'Draining'] as const;
const asksTemporal: RefusalName[] = ['KeyNotFound', ...temporalAway];
const furtherOf: Record<string, string[]> = {
  submit: [
    ...(['ModelUnknown', 'TooLarge', 'UnsupportedMediaType', 'BrokenJson', 'InvalidInput', 'KeyInUse'] as const),
    ...temporalAway,
    ...Object.keys(earlyRefusals),
  ],
  getModel: ['ModelUnknown', ...asksRunComfy],
  listModels: asksRunComfy,
  listCategories: asksRunComfy,
  getBalance: asksRunComfy,
  getStatus: asksTemporal,
  getResult: asksTemporal,
  cancel: [...asksTemporal, 'CancelUnclear'],
};
/** Of other methods and paths, which are no operations, and what our own API alone answers. */
const elsewhere: RefusalName[] = [
  'MethodNotAllowed',
  'KeyMismatch',
  'NotAcceptable',
  'PriceAboveLimit',
  'PriceUnknown',
];

describe("the document of RunComfy's API", () => {
  it('has the routes that are served, no more and no less', async () => {
    const routes: RouteOptions[] = [];
    const app = fastify();
    app.addHook('onRoute', (route) => {
      if (!Array.isArray(route.method) && route.method !== 'HEAD') routes.push(route);
    });
    await addRunComfyApi(app, {} as GatewayParts, new AbortController().signal, createCatalogueReads());
    await app.ready();
    const served = routes.map(({ method, url }) => {
      const place = url.replace('/*', '/{model_id}').replaceAll(/:(\w+)/g, '{$1}');
      return `${String(method)} ${place}`;
    });
    expect(served.toSorted()).toEqual(operations.map(({ method, place }) => `${method} ${place}`).toSorted());
    await app.close();
  });

  it.each(operations)('names every refusal of $operationId, with its status and number', (operation) => {
    const told = refusalsOf(operation);
    for (const { name, status, code } of told) {
      expect({ status, code }, name).toEqual({ status: String(known[name]?.status), code: known[name]?.code });
    }
    const names = told.map(({ name }) => name).toSorted();
    expect(names).toEqual([...everywhere, ...(furtherOf[operation.operationId] ?? [])].toSorted());
  });

  it('leaves out no refusal but those of other paths and of our own API', () => {
    const told = new Set(operations.flatMap(refusalsOf).map(({ name }) => name));
    const left = Object.keys(known).filter((name) => !told.has(name));
    expect(left.toSorted()).toEqual(elsewhere.toSorted());
  });
});
