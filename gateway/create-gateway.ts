import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { mayDo, type Principal } from './access/principal.ts';
import { createRateLimits } from './access/rate-limits.ts';
import { addOwnApi } from './api/add-own-api.ts';
import { createRawKeys } from './api/raw-keys.ts';
import { answerBrokenHttp, noteCall, refuseTunnel } from './broken-http.ts';
import { createCatalogueReads } from './catalogue/catalogue-reads.ts';
import type { GatewayParts } from './gateway-parts.ts';
import { allowOrigins } from './http/allow-origins.ts';
import { pagePolicy } from './http/content-policy.ts';
import { createGuard, refuseUnclearHost } from './http/guards.ts';
import { takeJsonBodies } from './http/json-body.ts';
import { RefusalError } from './http/refusal-error.ts';
import { requestIdOf, setReplyHeaders } from './http/reply-headers.ts';
import { closeWithConnection } from './http/waiting.ts';
import { addMcp } from './mcp/add-mcp.ts';
import { refusalReply } from './refusal-reply.ts';
import { addRunComfyApi } from './runcomfy-api/add-runcomfy-api.ts';

/** Node checks every `checkEveryMs` for requests that are too slow, so each is closed within 30 s of its first byte. */
const requestTimeoutMs = 24_000;
const headersTimeoutMs = 20_000;
const checkEveryMs = 5_000;
const maxParamLength = 1_024;

declare module 'fastify' {
  interface FastifyRequest {
    /** The caller; set on routes that need a scope. */
    principal: Principal;
  }
}

/** Whether the gateway is ready to serve, and why not. */
export type Readiness = { ready: true } | { ready: false; reason: 'temporal' | 'draining' };

/** Makes the server with all of its APIs, not yet listening. */
export async function createGateway(
  parts: GatewayParts,
  readiness: () => Promise<Readiness>,
): Promise<FastifyInstance> {
  const { access, settings, log, metrics, isDraining } = parts;
  const rawKeys = createRawKeys();
  const app = fastify({
    rewriteUrl: rawKeys.toPath,
    genReqId: requestIdOf,
    requestTimeout: requestTimeoutMs,
    // Node would answer a missing Host header by itself; `refuseUnclearHost` does so in the API's own error format.
    http: {
      headersTimeout: headersTimeoutMs,
      connectionsCheckingInterval: checkEveryMs,
      requireHostHeader: false,
    },
    trustProxy: settings.trustProxy === undefined ? false : [...settings.trustProxy],
    routerOptions: { maxParamLength, ignoreTrailingSlash: true },
    // Reads are answered while the server closes, since clients treat one failed read as the end of their job.
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => {
      setHeaders(request, reply);
      refuse(error, request, reply);
      // No `onResponse` hook runs for errors of the framework.
      metrics.countBroken(reply.statusCode);
    },
    clientErrorHandler: (error, socket) => {
      const status = answerBrokenHttp(error, socket, settings.publicUrl);
      if (status !== undefined) metrics.countBroken(status);
    },
  });
  app.server.on('connect', (_request, socket) => {
    socket.on('error', () => undefined);
    metrics.countBroken(refuseTunnel(socket, settings.publicUrl));
  });
  app.server.prependListener('request', closeWithConnection);
  app.server.prependListener('request', noteCall);
  // Node would answer an unknown `Expect` header itself, with 417; such a request is handled as any other.
  app.server.on('checkExpectation', (request, response) => {
    app.server.emit('request', request, response);
  });
  const setHeaders = setReplyHeaders(settings.publicUrl, isDraining);
  const refuse = (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const { status, headers, body, said, cause } = refusalReply(error, request);
    const fields = { request: request.id, route: request.routeOptions.url, status, error: cause };
    if (status === 500) log.error(fields, said);
    else log.debug(fields, said);
    if (request.routeOptions.config.isStart === true) metrics.countStart('refused');
    // Sent as bytes, so that the route's response serializer does not change it.
    void reply
      .code(status)
      .headers(headers)
      .send(Buffer.from(JSON.stringify(body)));
  };
  const guard = createGuard({ ...settings, isAnonymous: access.isAnonymous });

  const stopping = new AbortController();
  app.addHook('preClose', (done) => {
    stopping.abort();
    done();
  });

  app.addHook('onRoute', ({ url }) => {
    rawKeys.learn(url);
  });
  app.decorateRequest('principal');
  takeJsonBodies(app);
  const limits = await createRateLimits(app, stopping.signal);
  app.addHook('onRequest', (request, reply, done) => {
    setHeaders(request, reply);
    refuseUnclearHost(request);
    if (!isProbe(request)) guard(request);
    done();
  });
  if (settings.corsOrigins !== undefined) await allowOrigins(app, settings.corsOrigins);
  app.addHook('onRequest', async (request, reply) => {
    const { scope } = request.routeOptions.config;
    if (scope === undefined) return;
    // While it stops, the gateway answers reads and the calls under way; new POSTs belong to another replica.
    if (stopping.signal.aborted && request.method === 'POST') {
      throw new RefusalError('Draining', 'this gateway is stopping, and nothing was done: repeat this call', {
        headers: { 'retry-after': '1' },
      });
    }
    request.principal = await access.authenticate(request);
    mayDo(request.principal, scope);
    await limits.takeCall(request, reply);
  });
  app.addHook('onSend', (_request, reply, payload, done) => {
    // RunComfy sends JSON without a charset; Fastify adds one.
    if (reply.getHeader('content-type') === 'application/json; charset=utf-8') {
      reply.header('content-type', 'application/json');
    }
    done(null, payload);
  });
  app.addHook('onResponse', (request, reply, done) => {
    metrics.countRequest(request, reply);
    done();
  });
  app.setErrorHandler((error, request, reply) => {
    refuse(error, request, reply);
  });
  app.setNotFoundHandler((request, reply) => {
    refuse(new RefusalError('RouteNotFound', 'there is nothing under this path'), request, reply);
  });

  app.get('/healthz', () => ({ status: 'ok' }));
  app.get('/readyz', async (_request, reply) => {
    const state = await readiness();
    return reply.code(state.ready ? 200 : 503).send(state);
  });
  app.get('/', (_request, reply) =>
    reply.header('content-security-policy', pagePolicy).type('text/plain; charset=utf-8').send(frontPage),
  );
  const readCatalogue = createCatalogueReads();
  await addRunComfyApi(app, parts, stopping.signal, readCatalogue);
  await addOwnApi(app, parts, stopping.signal);
  addMcp(app, parts, { takeStart: limits.takeStart, stopping: stopping.signal, readCatalogue });
  return app;
}

const frontPage = `runcomfy-temporal gateway

POST /v1/models/{model_id}            RunComfy's own API: set RUNCOMFY_MODEL_API_BASE to this origin and /v1
GET  /v1/requests/{id}/status
GET  /v1/requests/{id}/result
POST /v1/requests/{id}/cancel
GET  /v1/models, /v1/models/{model_id}, /v1/models/categories
GET  /prod/v2/balance
     /api/v1                         our own API: its document is /api/v1/openapi.json
POST /mcp                            tools for agents (Model Context Protocol)
GET  /healthz, /readyz
`;

function isProbe({ routeOptions }: FastifyRequest): boolean {
  return routeOptions.url === '/healthz' || routeOptions.url === '/readyz';
}
