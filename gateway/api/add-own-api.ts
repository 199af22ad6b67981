import type { IncomingMessage } from 'node:http';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { fastifyZodOpenApiPlugin, fastifyZodOpenApiTransformers, validatorCompiler } from 'fastify-zod-openapi';
import { z } from 'zod';
import { isJsonObject } from '../../domain/json.ts';
import { productVersion } from '../../setup/version.ts';
import type { GatewayParts } from '../gateway-parts.ts';
import { documentPagePolicy } from '../http/content-policy.ts';
import { isEmptyBody } from '../http/json-body.ts';
import { createRouteAdder } from '../http/route-adder.ts';
import { addBatches } from './batches/add-batches.ts';
import { addBudgets } from './budgets/add-budgets.ts';
import { addGenerations } from './generations/add-generations.ts';
import { addModels } from './models/add-models.ts';
import { apiBase, noBody } from './operation.ts';
import { addPipelines } from './pipelines/add-pipelines.ts';
import { addWebhooks } from './webhooks/add-webhooks.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** The OpenAPI document of our API, as text. */
    ownDocument: () => string;
  }
}

/** The parts of the document that are changed. */
interface Described {
  paths: Record<string, Record<string, { operationId: string; requestBody?: { required: boolean } }>>;
}

/** Ids of operations by their body: `maybe` have an optional one, `none` accept none. */
interface Bodies {
  maybe: Set<string>;
  none: Set<string>;
}

/** Adds our API, and the document generated from the same schemas; `stopping` ends calls that wait. */
export async function addOwnApi(app: FastifyInstance, parts: GatewayParts, stopping: AbortSignal): Promise<void> {
  await app.register(async (child) => {
    child.setValidatorCompiler(validatorCompiler);
    child.addHook('preParsing', async ({ raw, routeOptions }, _reply, payload) => {
      const { body } = routeOptions.schema ?? {};
      const mayBeLeftOut = body === undefined || body instanceof z.ZodOptional;
      // Some clients send a content type without a body, or a chunked body that is empty.
      if (mayBeLeftOut && (isWithoutBody(raw) || (raw.method === 'POST' && (await isEmptyBody(payload))))) {
        delete raw.headers['content-type'];
        delete raw.headers['transfer-encoding'];
      }
      return payload;
    });
    // An optional body defaults to an empty object; the framework would validate null.
    child.addHook('preValidation', (request, _reply, done) => {
      if (request.body === undefined && request.method === 'POST') request.body = {};
      done();
    });
    // Every body is made by us, so it is not validated again: an unexpected field must not keep the rest from a caller.
    child.setSerializerCompiler(() => (body) => JSON.stringify(body));
    await child.register(fastifyZodOpenApiPlugin);
    await child.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: { title: 'runcomfy-temporal', version: productVersion, description: about, license },
        servers: [{ url: '/' }],
        components: { securitySchemes },
        security: [{ apiKey: [] }, { oidc: [] }],
        tags,
      },
      ...fastifyZodOpenApiTransformers,
    });
    // The plugin would let browsers cache its assets.
    child.addHook('onSend', ({ routeOptions }, reply, payload, done) => {
      if (routeOptions.url?.startsWith(`${apiBase}/docs`)) reply.header('cache-control', 'no-store');
      done(null, payload);
    });
    await child.register(swaggerUi, {
      routePrefix: `${apiBase}/docs`,
      staticCSP: documentPagePolicy,
      // The badge would be loaded from a foreign host.
      uiConfig: { validatorUrl: null },
      // The page shows the document exactly as it is served.
      transformSpecification: () => JSON.parse(document()) as Record<string, unknown>,
      transformSpecificationClone: false,
    });
    const bodies: Bodies = { maybe: new Set(), none: new Set() };
    child.addHook('onRoute', ({ schema }) => {
      const { body, operationId = '' } = schema ?? {};
      if (body instanceof z.ZodOptional) (body === noBody ? bodies.none : bodies.maybe).add(operationId);
    });
    const routes = createRouteAdder(child);
    addGenerations(routes, parts, stopping);
    addWebhooks(routes, parts);
    addPipelines(routes, parts, stopping);
    addBatches(routes, parts, stopping);
    addBudgets(routes, parts, stopping);
    addModels(routes, parts);
    let text: string | undefined;
    const document = () => (text ??= `${JSON.stringify(withoutNeedlessBodies(child.swagger(), bodies), plainly, 2)}\n`);
    app.decorate('ownDocument', document);
    routes.add('GET', `${apiBase}/openapi.json`, undefined, (_request, reply) =>
      reply.type('application/json').send(Buffer.from(document())),
    );
    routes.refuseOtherMethods();
  });
}

function isWithoutBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0;
}

/**
 * Corrects the document: the framework marks every body as required, and lists bodies for operations that accept none.
 */
function withoutNeedlessBodies(document: object, { maybe, none }: Bodies): object {
  const { paths } = document as Described;
  for (const operation of Object.values(paths).flatMap((methods) => Object.values(methods))) {
    if (none.has(operation.operationId)) delete operation.requestBody;
    else if (operation.requestBody && maybe.has(operation.operationId)) operation.requestBody.required = false;
  }
  return document;
}

/**
 * Simplifies the document: code generators support `anyOf` but not lists of types, and internal extensions of the
 * framework are left out.
 */
function plainly(name: string, value: unknown): unknown {
  if (name.startsWith('x-') && name !== 'x-runcomfy-format') return undefined;
  if (!isJsonObject(value) || !Array.isArray(value['type'])) return value;
  const { type, ...rest } = value;
  return { ...rest, anyOf: (type as unknown[]).map((one) => ({ type: one })) };
}

const about = 'Durable generations of RunComfy: one key is one order and at most one bill.';
const license = { name: 'MIT', identifier: 'MIT' };

const tags = [
  { name: 'generations', description: 'Orders of media, by the keys that their callers chose.' },
  { name: 'pipelines', description: 'Plans of several orders, one built on the other.' },
  { name: 'batches', description: 'Many orders, so many at a time: one result line for each item.' },
  { name: 'budgets', description: 'Limits of money that orders share.' },
  { name: 'models', description: 'What can be ordered, and at what price.' },
  { name: 'whoami', description: 'Who calls.' },
  { name: 'balance', description: 'The wallet.' },
];

const securitySchemes = {
  apiKey: { type: 'http', scheme: 'bearer', description: 'An API key of the gateway: `rct_…`' },
  oidc: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'A token of the configured issuer' },
} as const;
