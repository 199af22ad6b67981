import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import { fastifyZodOpenApiPlugin, fastifyZodOpenApiTransformers, validatorCompiler } from 'fastify-zod-openapi';
import { productVersion } from '../../setup/version.ts';
import type { GatewayParts } from '../gateway-parts.ts';
import { createRouteAdder } from '../http/route-adder.ts';
import { addGenerations } from './generations/add-generations.ts';
import { apiBase } from './operation.ts';

/** Adds our API, and the document that is made of the same schemas; `stopping` ends what waits. */
export async function addOwnApi(app: FastifyInstance, parts: GatewayParts, stopping: AbortSignal): Promise<void> {
  await app.register(async (child) => {
    child.setValidatorCompiler(validatorCompiler);
    // Every body is ours: what is odd in one must not keep a caller from the rest.
    child.setSerializerCompiler(() => (body) => JSON.stringify(body));
    await child.register(fastifyZodOpenApiPlugin);
    await child.register(swagger, {
      openapi: {
        openapi: '3.1.0',
        info: { title: 'runcomfy-temporal', version: productVersion, description: about, license },
        servers: [{ url: '/' }],
        components: { securitySchemes },
        security: [{ apiKey: [] }, { oidc: [] }],
      },
      ...fastifyZodOpenApiTransformers,
    });
    const routes = createRouteAdder(child);
    addGenerations(routes, parts, stopping);
    let text: string | undefined;
    routes.add('GET', `${apiBase}/openapi.json`, undefined, (_request, reply) => {
      text ??= `${JSON.stringify(child.swagger(), undefined, 2)}\n`;
      return reply.type('application/json').send(text);
    });
    routes.refuseOtherMethods();
  });
}

const about = 'Durable generations of RunComfy: one key is one order and at most one bill.';
const license = { name: 'MIT', identifier: 'MIT' };

const securitySchemes = {
  apiKey: { type: 'http', scheme: 'bearer', description: 'An API key of the gateway: `rct_…`' },
  oidc: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'A token of the configured issuer' },
} as const;
