import type { FastifyReply } from 'fastify';
import { everyTenant, mayDo } from '../access/principal.ts';
import { catalogueFresh, type CatalogueReading, type CatalogueReads } from '../catalogue/catalogue-reads.ts';
import { catalogueCaching } from '../catalogue/of-catalogue.ts';
import type { GatewayParts } from '../gateway-parts.ts';
import { RefusalError } from '../http/refusal-error.ts';
import type { RouteAdder } from '../http/route-adder.ts';
import { listensMs } from '../http/waiting.ts';
import { modelIdOf } from './submit.ts';

const balanceFresh = { freshMs: 1_000, mayBeOld: false };
const listParameters = ['limit', 'offset', 'search', 'category', 'kind', 'include_schema'];

/** Adds RunComfy's catalogue and balance; the answers are passed on unchanged. */
export function addCatalogue({ catalogue }: GatewayParts, { add }: RouteAdder, read: CatalogueReads): void {
  add('GET', '/v1/models', 'read', async ({ url }, reply) => {
    const asked = [...new URLSearchParams(url.replace(/^[^?]*/, ''))];
    const search = new URLSearchParams(asked.filter(([name]) => listParameters.includes(name))).toString();
    return passOn(
      reply,
      await read(`models?${search}`, catalogueFresh, () => catalogue.models(search), listensMs(reply)),
    );
  });
  add('GET', '/v1/models/categories', 'read', async (_request, reply) =>
    passOn(reply, await read('categories', catalogueFresh, () => catalogue.categories(), listensMs(reply))),
  );
  add('GET', '/v1/models/*', 'read', async ({ params }, reply) => {
    const model = modelIdOf((params as { '*': string })['*']);
    const reading = await read(`model ${model}`, catalogueFresh, () => catalogue.model(model), listensMs(reply));
    if (reading) return passOn(reply, reading);
    throw new RefusalError('ModelUnknown', `RunComfy has no model ${model}: see GET /v1/models`);
  });
  add('GET', '/prod/v2/balance', 'read', async ({ principal }, reply) => {
    // The wallet is shared by all tenants.
    if (principal.tenant !== everyTenant) mayDo(principal, 'admin');
    const reading = await read('balance', balanceFresh, () => catalogue.balance(), listensMs(reply));
    return reply.type('application/json').send(reading?.text);
  });
}

function passOn(reply: FastifyReply, reading: CatalogueReading | undefined): FastifyReply {
  if (reading?.ageS !== undefined) reply.header('age', reading.ageS);
  return reply.header('cache-control', catalogueCaching).type('application/json').send(reading?.text);
}
