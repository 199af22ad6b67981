import type { FastifyReply, FastifyRequest } from 'fastify';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Why a credential was refused. */
export type AuthFailure = 'missing' | 'invalid' | 'expired' | 'not_allowed' | 'issuer_unreachable' | 'too_many';

/** The outcome of an order. */
export type StartResult = 'new' | 'attached' | 'refused';

/** The metrics of a gateway. No label has a value that callers can choose. */
export interface GatewayMetrics {
  registry: Registry;
  /** A call is over: answered, or abandoned by its caller. */
  countRequest: (request: FastifyRequest, reply: FastifyReply) => void;
  /** Bytes that never became a request were answered with this status. */
  countBroken: (status: number) => void;
  countStart: (result: StartResult) => void;
  /** One call to Temporal, by its name in Temporal's API. */
  countTemporalCall: (call: string) => void;
  countAuthFailure: (reason: AuthFailure) => void;
  /** Passes a stream on, and counts its listener while it lasts. */
  whileListening: <T>(source: AsyncGenerator<T, void, undefined>) => AsyncGenerator<T, void, undefined>;
}

/** Bucket limits in seconds, from reads answered from memory to calls that wait for an end. */
const secondsBuckets = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60];

/** Label of calls that match no route. */
const noRoute = 'none';
/** Methods with their own label value, so that callers cannot create further series. */
const methods: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
/** Status label of calls whose caller left before there was an answer. */
const goneStatus = 'gone';

/** Makes the metrics of one gateway, all at zero. */
export function createGatewayMetrics(): GatewayMetrics {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({
    name: 'runcomfy_gateway_requests_total',
    help: 'Calls that are over, by route and status.',
    labelNames: ['api', 'route', 'method', 'status'],
    registers,
  });
  const seconds = new Histogram({
    name: 'runcomfy_gateway_request_seconds',
    help: 'From the arrival of a call to the end of its answer, waits and streams included.',
    labelNames: ['api', 'route', 'method'],
    buckets: secondsBuckets,
    registers,
  });
  const listeners = new Gauge({
    name: 'runcomfy_gateway_sse_listeners',
    help: 'Listeners of Server-Sent Events now.',
    registers,
  });
  const starts = new Counter({
    name: 'runcomfy_gateway_starts_total',
    help: 'Orders, by what became of them.',
    labelNames: ['result'],
    registers,
  });
  const temporalCalls = new Counter({
    name: 'runcomfy_gateway_temporal_calls_total',
    help: "Calls of Temporal, by their names in Temporal's API; repetitions count.",
    labelNames: ['call'],
    registers,
  });
  const authFailures = new Counter({
    name: 'runcomfy_gateway_auth_failures_total',
    help: 'Credentials that were not taken.',
    labelNames: ['reason'],
    registers,
  });
  for (const result of ['new', 'attached', 'refused'] as const) starts.inc({ result }, 0);

  return {
    registry,
    countRequest({ routeOptions, method: said }, reply) {
      const route = routeOptions.url ?? noRoute;
      const method = methods.includes(said) ? said : 'other';
      const labels = { api: apiOf(route), route, method };
      requests.inc({ ...labels, status: reply.raw.headersSent ? String(reply.raw.statusCode) : goneStatus });
      seconds.observe(labels, reply.elapsedTime / 1_000);
    },
    countBroken(status) {
      requests.inc({ api: apiOf(noRoute), route: noRoute, method: 'other', status: String(status) });
    },
    countStart: (result) => {
      starts.inc({ result });
    },
    countTemporalCall: (call) => {
      temporalCalls.inc({ call });
    },
    countAuthFailure: (reason) => {
      authFailures.inc({ reason });
    },
    async *whileListening(source) {
      listeners.inc();
      try {
        yield* source;
      } finally {
        listeners.dec();
      }
    },
  };
}

/** The API that a route belongs to. */
function apiOf(route: string): 'runcomfy' | 'own' | 'mcp' | 'other' {
  if (route.startsWith('/api/v1')) return 'own';
  if (route.startsWith('/v1/') || route.startsWith('/prod/v2/')) return 'runcomfy';
  return route === '/mcp' ? 'mcp' : 'other';
}
