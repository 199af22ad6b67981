import type { Socket } from 'node:net';
import { Agent, buildConnector, Client, type Dispatcher, EnvHttpProxyAgent, Pool } from 'undici';
import { recordDelivery } from '../record-delivery.ts';
import { skipInterim } from './skip-interim.ts';

/** Limit on the headers of a reply, in bytes: some gateways add tens of kilobytes. */
const maxHeaderBytes = 256 * 1024;

/**
 * Time to connect to each address of a host except the last, in milliseconds. Node's default of 250 ms can be shorter
 * than one round trip around the world: a host that also has an unreachable IPv6 address could then never be reached.
 */
export const addressMs = 1_000;

/** Proxies, named like the usual environment variables. Loopback is always reached directly. */
export interface ProxySettings {
  httpProxy?: string;
  httpsProxy?: string;
  /** Hosts that are reached directly, separated by commas. */
  noProxy?: string;
}

/** The source of one client's connections. */
export interface Dispatchers {
  /** A pool that keeps connections for reuse. */
  pool: (origin: URL, connectMs: number) => Dispatcher;
  /**
   * A dispatcher with a single connection. `isDelivered` tells whether anything can have been sent; if `beforeSend`
   * throws, nothing is.
   */
  alone: (
    origin: URL,
    connectMs: number,
    beforeSend?: () => void,
  ) => { dispatcher: Dispatcher; isDelivered: () => boolean };
  close: (options?: CloseOptions) => Promise<void>;
}

/** How connections are closed. */
export interface CloseOptions {
  /** Requests in flight fail at once instead of being waited for. */
  isAbrupt?: boolean;
}

/** Creates the connections of one client, through a proxy where one is set. */
export function createDispatchers(maxResponseSize: number, proxies: ProxySettings = {}): Dispatchers {
  const shared = { maxResponseSize, maxHeaderSize: maxHeaderBytes };
  const connectors = new Map<number, buildConnector.connector>();
  const pools = new Map<string, Dispatcher>();

  // A shared connector lets submits resume TLS sessions, although each has a socket of its own.
  const connectorWithin = (connectMs: number) =>
    getOrCreate(connectors, connectMs, () =>
      quiet(buildConnector({ timeout: connectMs, autoSelectFamilyAttemptTimeout: addressMs })),
    );
  const isProxied = (origin: URL) =>
    !isLoopback(origin.hostname) && [proxies.httpProxy, proxies.httpsProxy].some((proxy) => (proxy ?? '') !== '');
  const proxyAgent = (connectMs: number, more: Partial<EnvHttpProxyAgent.Options>): Dispatcher =>
    new EnvHttpProxyAgent({
      ...shared,
      ...more,
      // Blank rather than unset, so that the agent does not read the environment by itself.
      httpProxy: proxies.httpProxy ?? '',
      httpsProxy: proxies.httpsProxy ?? '',
      noProxy: proxies.noProxy ?? '',
      connect: connectorWithin(connectMs),
      proxyTls: { timeout: connectMs, autoSelectFamilyAttemptTimeout: addressMs },
      requestTls: { timeout: connectMs },
    });

  return {
    pool: (origin, connectMs) =>
      getOrCreate(pools, `${String(isProxied(origin))} ${String(connectMs)}`, () =>
        isProxied(origin)
          ? proxyAgent(connectMs, {
              keepAliveTimeout: 15_000,
              clientFactory: (proxy, options) => new Pool(proxy, { ...options, headersTimeout: connectMs }),
              factory: (target, options) => {
                const { connect, ...others } = options as HasConnector;
                return new Pool(target, { ...others, connect: asLastWord(connect) });
              },
            })
          : new Agent({ ...shared, connect: connectorWithin(connectMs), keepAliveTimeout: 15_000 }),
      ),
    alone(origin, connectMs, beforeSend) {
      if (!isProxied(origin)) {
        const connection = recordDelivery(connectorWithin(connectMs), beforeSend);
        const dispatcher = new Client(origin.origin, { ...shared, connect: connection.connect });
        return { dispatcher, isDelivered: connection.isDelivered };
      }
      const told = { isDelivered: () => false };
      const dispatcher = proxyAgent(connectMs, {
        // One connection to the proxy only: undici would ask a proxy that hangs up again and again.
        clientFactory: (proxy, options) => {
          const { connect } = recordDelivery((options as HasConnector).connect);
          return new Client(proxy, { ...options, connect });
        },
        // Connects to the origin, through the proxy's tunnel or directly. Only this connection counts as delivered:
        // opening the tunnel sends nothing of ours.
        factory: (target, options) => {
          const { connect } = options as HasConnector;
          const connection = recordDelivery(quiet(connect), beforeSend);
          told.isDelivered = connection.isDelivered;
          return new Client(target, { ...shared, connect: connection.connect });
        },
      });
      return { dispatcher, isDelivered: () => told.isDelivered() };
    },
    async close({ isAbrupt = false } = {}) {
      const open = [...pools.values()];
      pools.clear();
      await Promise.all(open.map((pool) => (isAbrupt ? pool.destroy() : pool.close())));
    },
  };
}

/** The connector that undici passes to the factories of its clients, although its types do not say so. */
interface HasConnector {
  connect: buildConnector.connector;
}

/**
 * Wraps a connector so that its failures end the requests that wait for it. When a proxy closes a tunnel, the error has
 * undici's code for a lost socket, on which undici asks the proxy again at once and without end; this wrapper gives it
 * another code. The same would happen with a tunnel through which something arrived unasked, such as a page of the
 * proxy's own.
 */
function asLastWord(connect: buildConnector.connector): buildConnector.connector {
  const lost = (message: string) => Object.assign(new Error(message), { code: 'ECONNRESET' });
  return (options, callback) => {
    connect(options, (...[error, socket]: [null, Socket] | [Error, null]) => {
      if (error !== null) {
        callback(isRepeated(error) ? lost(error.message) : error, null);
      } else if (socket.readableLength > 0) {
        socket.destroy();
        callback(lost('the proxy opened no tunnel, but sent something of its own'), null);
      } else {
        callback(null, socket);
      }
    });
  };
}

function isRepeated(error: Error): boolean {
  return 'code' in error && (error.code === 'UND_ERR_SOCKET' || error.code === 'UND_ERR_INFO');
}

/** Wraps a connector so that its sockets skip interim (1xx) replies. */
function quiet(connect: buildConnector.connector): buildConnector.connector {
  return (options, callback) => {
    connect(options, (...[error, socket]: [null, Socket] | [Error, null]) => {
      if (error === null) callback(null, skipInterim(socket));
      else callback(error, null);
    });
  };
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}

function getOrCreate<Key, Value>(map: Map<Key, Value>, key: Key, create: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const created = create();
  map.set(key, created);
  return created;
}
