import type { Socket } from 'node:net';
import { Agent, buildConnector, Client, type Dispatcher, EnvHttpProxyAgent, Pool } from 'undici';
import { recordDelivery } from '../record-delivery.ts';
import { skipInterim } from './skip-interim.ts';

/** Some gateways add tens of kilobytes. */
const maxHeaderBytes = 256 * 1024;

/**
 * Of several addresses of a host each but the last has so long to connect. Node's own 250 ms are less than a way around the
 * world and back: a host with an address of IPv6, which is not to be reached from here, could then never be reached.
 */
export const addressMs = 1_000;

/** Proxies as the usual variables name them; loopback is always reached directly. */
export interface ProxySettings {
  httpProxy?: string;
  httpsProxy?: string;
  /** Hosts that are reached directly, separated by commas. */
  noProxy?: string;
}

/** Where the connections of one client come from. */
export interface Dispatchers {
  /** A pool that keeps connections for reuse. */
  pool: (origin: URL, connectMs: number) => Dispatcher;
  /** A dispatcher of one connection, which tells whether anything can have been sent; where `beforeSend` throws, nothing is. */
  alone: (
    origin: URL,
    connectMs: number,
    beforeSend?: () => void,
  ) => { dispatcher: Dispatcher; isDelivered: () => boolean };
  close: (options?: CloseOptions) => Promise<void>;
}

/** How connections are closed. */
export interface CloseOptions {
  /** What is under way on them is not waited for, and fails. */
  isAbrupt?: boolean;
}

/** Creates the connections of one client, through a proxy where one is set. */
export function createDispatchers(maxResponseSize: number, proxies: ProxySettings = {}): Dispatchers {
  const shared = { maxResponseSize, maxHeaderSize: maxHeaderBytes };
  const connectors = new Map<number, buildConnector.connector>();
  const pools = new Map<string, Dispatcher>();

  // One connector for all submits keeps their TLS sessions, though none shares a socket.
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
      // Blank, so that the agent does not look into the environment by itself.
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
        // A proxy that hangs up is not asked again and again.
        clientFactory: (proxy, options) => {
          const { connect } = recordDelivery((options as HasConnector).connect);
          return new Client(proxy, { ...options, connect });
        },
        // What connects to the origin, through the proxy's tunnel or directly; the tunnel itself carries nothing of ours.
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

/** What undici gives to the factories of its clients, though their types do not say so. */
interface HasConnector {
  connect: buildConnector.connector;
}

/**
 * A connector whose failures end the requests that wait for it. A proxy that hangs up on a tunnel has an error with the code
 * of a socket that was lost, for which undici asks the proxy again at once, for ever: it gets another one. So would it for a
 * tunnel through which something came unasked, such as a page of the proxy's own.
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

/** A connector whose sockets leave out interim replies. */
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
