import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { withoutUndefined } from '../../../domain/json.ts';
import { isModelId } from '../../../domain/request.ts';
import { productVersion } from '../../../setup/version.ts';
import { everyTenant, mayDo, scopes } from '../../access/principal.ts';
import { catalogueCaching, ofCatalogue } from '../../catalogue/of-catalogue.ts';
import {
  balance,
  checkRequest,
  inputCheck,
  type InputCheck,
  type Model,
  model,
  modelList,
  whoAmI,
} from '../../contract/model.ts';
import type { Catalogue, GatewayParts } from '../../gateway-parts.ts';
import { RefusalError } from '../../http/refusal-error.ts';
import type { RouteAdder } from '../../http/route-adder.ts';
import { addOperation } from '../operation.ts';

const aboutModel = z.object({
  model: z.string().meta({
    description: 'Percent-encoded as one segment',
    examples: ['kling%2Fkling-3.0%2Fstandard%2Fimage-to-video'],
  }),
});

/** Adds the operations on models, the wallet and the caller. */
export function addModels(routes: RouteAdder, { catalogue }: GatewayParts): void {
  addOperation(routes, {
    id: 'listModels',
    method: 'GET',
    url: '/models',
    scope: 'read',
    summary: "RunComfy's catalogue.",
    query: z.strictObject({
      search: z.exactOptional(z.string().max(200)),
      category: z.exactOptional(z.string().max(200)),
      limit: z.coerce.number().int().min(1).max(500).default(100),
      offset: z.coerce.number().int().min(0).max(100_000).default(0),
    }),
    answers: { 200: { description: 'The models.', schema: modelList } },
    problems: ['CatalogueUnavailable'],
    handle: async ({ query, reply }) => kept(reply, await ofCatalogue(() => catalogue.list(query))),
  });
  addOperation(routes, {
    id: 'getModel',
    method: 'GET',
    url: '/models/:model',
    scope: 'read',
    summary: 'A model with the schema of its input.',
    params: aboutModel,
    answers: { 200: { description: 'The model.', schema: model } },
    problems: ['ModelNotFound', 'CatalogueUnavailable'],
    handle: async ({ params, reply }) => kept(reply, await entryOf(catalogue, params.model)),
  });
  addOperation(routes, {
    id: 'checkInput',
    method: 'POST',
    url: '/models/:model/check',
    scope: 'read',
    summary: 'Whether an input fits a model, and what it is expected to cost; sends nothing.',
    params: aboutModel,
    body: checkRequest,
    answers: { 200: { description: 'All that is wrong with it, and its price.', schema: inputCheck } },
    problems: ['ModelNotFound'],
    handle: ({ params, body }) => check(catalogue, params.model, body.input),
  });
  addOperation(routes, {
    id: 'getBalance',
    method: 'GET',
    url: '/balance',
    scope: 'read',
    summary: "The balance of RunComfy's wallet, which all tenants share.",
    answers: { 200: { description: 'The balance.', schema: balance } },
    problems: ['CatalogueUnavailable'],
    handle: ({ request: { principal } }) => {
      if (principal.tenant !== everyTenant) mayDo(principal, 'admin');
      return ofCatalogue(() => catalogue.wallet());
    },
  });
  addOperation(routes, {
    id: 'whoAmI',
    method: 'GET',
    url: '/whoami',
    scope: 'read',
    summary: 'Who calls, and what that allows.',
    answers: { 200: { description: 'The caller.', schema: whoAmI } },
    problems: [],
    handle: ({ request: { principal } }) => {
      const { tenant, scope, keyId, name, expiresAt, models } = principal;
      const allowed = scopes.slice(0, scopes.indexOf(scope) + 1);
      return withoutUndefined({
        tenant,
        scopes: allowed,
        keyId,
        name,
        expiresAt,
        models,
        version: productVersion,
      });
    },
  });
}

/** Allows clients to cache an answer of RunComfy's catalogue for a while. */
function kept<Told>(reply: FastifyReply, told: Told): Told {
  reply.header('cache-control', catalogueCaching);
  return told;
}

async function entryOf(catalogue: Catalogue, text: string): Promise<Model> {
  const id = modelIn(text);
  const found = await ofCatalogue(() => catalogue.entry(id));
  if (found === undefined) throw unknownModel(id);
  return found;
}

async function check(catalogue: Catalogue, text: string, input: Record<string, unknown>): Promise<InputCheck> {
  const id = modelIn(text);
  const report = await catalogue.check(id, input);
  if (report === 'unknown model') throw unknownModel(id);
  const { issues, warnings } = report;
  const price = await catalogue.price(id, input).catch(() => ({ basis: 'unknown' as const }));
  return { valid: issues.length === 0, issues, warnings, price };
}

function modelIn(text: string): string {
  const isValid: boolean = isModelId(text);
  if (isValid) return text;
  throw unknownModel(text.slice(0, 100));
}

function unknownModel(id: string): RefusalError {
  return new RefusalError('ModelUnknown', `RunComfy has no model ${JSON.stringify(id)}: see GET /api/v1/models`);
}
