import type { FastifyRequest } from 'fastify';
import { isLoopback } from '../../config/loopback.ts';
import { RefusalError } from './refusal-error.ts';

const maxPathLength = 8_192;
const loopbackNames = ['localhost', '127.0.0.1', '[::1]'];

/** Settings that requests are checked against. */
export interface GuardSettings {
  /** The address that the gateway listens on. */
  host: string;
  publicUrl?: string | undefined;
  allowedHosts?: readonly string[] | undefined;
  /** Other origins whose pages may call. */
  corsOrigins?: readonly string[] | undefined;
  /** No credential is required, so that web pages must not even read. */
  isAnonymous: boolean;
}

/** Makes a check against requests from foreign web pages and against DNS rebinding. */
export function createGuard({ host, publicUrl, allowedHosts, corsOrigins = [], isAnonymous }: GuardSettings) {
  const names = servedNames({ host, publicUrl, allowedHosts });
  return (request: FastifyRequest): void => {
    const { headers, method, raw } = request;
    if ((raw.url ?? '').length > maxPathLength) {
      throw new RefusalError('PathTooLong', `the path is longer than ${String(maxPathLength)} characters`);
    }
    if (!names.has(hostNameOf(request.host))) {
      throw new RefusalError('HostNotAllowed', 'this host name is not served here: RUNCOMFY_GATEWAY_ALLOWED_HOSTS');
    }
    // Without allowed origins a preflight is treated like any other method.
    if (method === 'OPTIONS' && corsOrigins.length === 0) return;
    const isReading = method === 'GET' || method === 'HEAD';
    // Pages of other origins never need the tools for agents, not even to read.
    if (isReading && !isAnonymous && request.routeOptions.url !== '/mcp') return;
    const { origin, 'sec-fetch-site': site } = headers;
    if (origin !== undefined && corsOrigins.includes(origin)) return;
    const isOwn = origin === undefined || origin === publicUrl || origin === originOf(request);
    if (!isOwn || (site !== undefined && site !== 'same-origin' && site !== 'none')) {
      throw new RefusalError('ForeignOrigin', 'pages of other origins may not call this');
    }
  };
}

/** The host names that requests may use; without any, only probes are answered. */
export function servedNames({
  host,
  publicUrl,
  allowedHosts = [],
}: Pick<GuardSettings, 'host' | 'publicUrl' | 'allowedHosts'>): ReadonlySet<string> {
  const names = new Set(allowedHosts);
  if (publicUrl !== undefined) names.add(new URL(publicUrl).hostname);
  if (isLoopback(hostInUrl(host))) for (const name of [...loopbackNames, hostInUrl(host)]) names.add(name);
  return names;
}

/**
 * Refuses a request with no Host header or with several, as servers disagree on which one counts (RFC 9112). HTTP/1.0
 * may omit it.
 */
export function refuseUnclearHost({ raw }: FastifyRequest): void {
  const hosts = raw.rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === 'host').length;
  if (hosts === 1 || (hosts === 0 && raw.httpVersion === '1.0')) return;
  throw new RefusalError('MalformedRequest', 'the request has to name one host: send one Host header', {
    headers: { connection: 'close' },
  });
}

/** The origin that the client of a request uses, as far as the request shows it. */
export function originOf({ protocol, host }: FastifyRequest): string {
  return `${protocol}://${host}`;
}

/** The name in a Host header, in lower case, without port and final dot. */
function hostNameOf(host: string): string {
  return host.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '');
}

/** A host as written in URLs. */
export function hostInUrl(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}
