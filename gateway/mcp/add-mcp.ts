import { type NodeIncomingMessageLike, toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler } from '@modelcontextprotocol/server';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { joinSignals } from '../../abort-signals/join-signals.ts';
import { isJsonObject } from '../../domain/json.ts';
import { scopes } from '../access/principal.ts';
import type { GatewayParts } from '../gateway-parts.ts';
import { RefusalError } from '../http/refusal-error.ts';
import { cameAt, goneSignal } from '../http/waiting.ts';
import { createMcpServer } from './create-mcp-server.ts';
import type { McpContext } from './tool.ts';

const path = '/mcp';

/** Adds the tools for agents. They are stateless, so that any gateway can answer any call. */
export function addMcp(
  app: FastifyInstance,
  parts: GatewayParts,
  {
    takeStart,
    ...shared
  }: Pick<McpContext, 'stopping' | 'readCatalogue'> & { takeStart: (request: FastifyRequest) => Promise<void> },
): void {
  const { log, originOf, settings } = parts;
  const { stopping } = shared;
  const onerror = (error: Error) => {
    log.debug({ error }, 'a call of an agent was refused');
  };
  const handler = createMcpHandler(
    ({ authInfo }) => {
      const { context } = (authInfo?.extra ?? {}) as { context?: McpContext };
      if (context === undefined) throw new Error('A call of an agent came without its caller.');
      return createMcpServer(context);
    },
    { onerror },
  );

  app.route({
    method: ['GET', 'POST', 'DELETE'],
    url: path,
    config: { scope: 'read' },
    handler: async (request, reply) => {
      const { principal, raw, body } = request;
      if (request.method === 'POST' && body === undefined) {
        throw new RefusalError('UnsupportedMediaType', "send JSON: -H 'content-type: application/json'");
      }
      // Rate limits count calls, and the protocol has no batches any more.
      if (Array.isArray(body))
        throw new RefusalError('MalformedRequest', 'send one message a call, and no array of them');
      const context: McpContext = {
        parts,
        principal,
        ...shared,
        gone: goneSignal(reply),
        requestId: request.id,
        since: cameAt(reply),
        takeStart: () => takeStart(request),
      };
      const auth = { token: '', clientId: principal.keyId ?? principal.subject ?? '', scopes: [principal.scope] };
      const own = reply.getHeaders();
      for (const [name, value] of Object.entries(own)) if (value !== undefined) reply.raw.setHeader(name, value);
      reply.hijack();
      const fetch: typeof handler.fetch = async (asked, options) => {
        // A subscription would go on for ever; every other call ends by itself and is answered to its end.
        const isListening = isJsonObject(body) && body['method'] === 'subscriptions/listen';
        const untilStopped = () => new Request(asked, { signal: joinSignals([asked.signal, context.gone, stopping]) });
        const answer = await handler.fetch(isListening ? untilStopped() : asked, options);
        // The handler may set headers that every reply of a gateway has already.
        for (const name of Object.keys(own)) answer.headers.delete(name);
        return answer;
      };
      const incoming = Object.assign(raw, { auth: { ...auth, extra: { context } } });
      await toNodeHandler({ fetch }, { onerror })(incoming as NodeIncomingMessageLike, reply.raw, body);
    },
  });

  const { oidc } = settings;
  if (oidc === undefined) return;
  app.get(`/.well-known/oauth-protected-resource${path}`, (request) => ({
    resource: `${originOf(request)}${path}`,
    authorization_servers: [oidc.issuer],
    scopes_supported: scopes,
    bearer_methods_supported: ['header'],
  }));
}
