import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { CatalogueReads } from '../catalogue/catalogue-reads.ts';
import type { GatewayParts } from '../gateway-parts.ts';
import { createRouteAdder } from '../http/route-adder.ts';
import { cancel, parseCancelBody } from './cancel.ts';
import { addCatalogue } from './catalogue-routes.ts';
import { findRequest, tellOf } from './find-request.ts';
import { createKeylessOrders } from './keyless-orders.ts';
import { resultReply, statusReply } from './replies.ts';
import { submit } from './submit.ts';

type Submitting = FastifyRequest<{ Params: { '*': string } }>;
type AboutRequest = FastifyRequest<{ Params: { id: string } }>;

/** Adds RunComfy's own API, so that its clients only need another base address; `stopping` ends calls that wait. */
export async function addRunComfyApi(
  app: FastifyInstance,
  parts: GatewayParts,
  stopping: AbortSignal,
  readCatalogue: CatalogueReads,
): Promise<void> {
  const routes = createRouteAdder(app);
  const keyless = createKeylessOrders();

  const order = (request: FastifyRequest, reply: FastifyReply) =>
    submit(parts, keyless, request as Submitting, reply, stopping);
  routes.add('POST', '/v1/models/*', 'generate', order, { isStart: true });
  routes.add('GET', '/v1/requests/:id/status', 'read', async (request, reply) => {
    const { key, generation } = await findRequest(parts, request as AboutRequest, reply);
    tellOf(reply, key, generation);
    return statusReply(parts.originOf(request), key, generation);
  });
  routes.add('GET', '/v1/requests/:id/result', 'read', async (request, reply) => {
    const { key, generation } = await findRequest(parts, request as AboutRequest, reply, { mustBeNow: true });
    tellOf(reply, key, generation);
    const { include_cost: includeCost } = request.query as { include_cost?: unknown };
    return resultReply(key, generation, { principal: request.principal, withCost: includeCost === 'true' });
  });
  addCatalogue(parts, routes, readCatalogue);
  routes.refuseOtherMethods();

  await app.register((child: FastifyInstance) => {
    child.removeAllContentTypeParsers();
    child.addContentTypeParser('*', parseCancelBody);
    // The framework refuses a malformed content type before it calls any parser, so it is replaced.
    child.addHook('onRequest', ({ raw }, _reply, done) => {
      if (raw.headers['content-type'] !== undefined) raw.headers['content-type'] = 'application/octet-stream';
      done();
    });
    const cancelling = createRouteAdder(child);
    const tell = (request: FastifyRequest, reply: FastifyReply) =>
      cancel(parts, request as AboutRequest, reply, stopping);
    cancelling.add('POST', '/v1/requests/:id/cancel', 'generate', tell, { isCancel: true });
    cancelling.refuseOtherMethods();
    return Promise.resolve();
  });
}
