import type { FastifyContextConfig, FastifyInstance, FastifyReply, FastifyRequest, FastifySchema } from 'fastify';
import type { Scope } from '../access/principal.ts';
import { RefusalError } from './refusal-error.ts';

type Method = 'GET' | 'POST';
type Handler = (request: FastifyRequest, reply: FastifyReply) => unknown;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The scope that the caller needs; missing if the route needs no credential. */
    scope?: Scope;
  }
}

/** Adds routes, and refuses other methods on their paths. */
export interface RouteAdder {
  add: (
    method: Method,
    url: string,
    scope: Scope | undefined,
    handler: Handler,
    config?: Omit<FastifyContextConfig, 'scope'>,
    schema?: FastifySchema,
  ) => void;
  /** To be called once all routes are added. */
  refuseOtherMethods: () => void;
}

/** Collects the routes of an app, so that the methods of each path are known. */
export function createRouteAdder(app: FastifyInstance): RouteAdder {
  const methodsOf = new Map<string, Method[]>();
  return {
    add(method, url, scope, handler, config = {}, schema = { hide: true }) {
      methodsOf.set(url, [...(methodsOf.get(url) ?? []), method]);
      app.route({ method, url, config: scope === undefined ? config : { ...config, scope }, handler, schema });
    },
    refuseOtherMethods() {
      for (const [url, methods] of methodsOf) {
        const allowed = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
        // A fixed path may also match a wider pattern with a wildcard; methods of that pattern are left to it.
        const wider = [...methodsOf].flatMap(([other, theirs]) =>
          other.endsWith('/*') && !/[:*]/.test(url) && url.startsWith(other.slice(0, -1)) ? theirs : [],
        );
        app.route({
          method: app.supportedMethods.filter((method) => ![...allowed, ...wider].includes(method)),
          url,
          schema: { hide: true },
          // Refused before the body is read.
          onRequest: () => {
            throw new RefusalError('MethodNotAllowed', `this path takes ${allowed.join(', ')}`, {
              headers: { allow: allowed.join(', ') },
            });
          },
          handler: () => undefined,
        });
      }
    },
  };
}
