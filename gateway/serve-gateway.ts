import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { createGenerationClient } from '../client/index.ts';
import { ConfigError } from '../config/config-error.ts';
import type { Config } from '../config/env.ts';
import type { GatewayConfig } from '../config/gateway.ts';
import { isLoopback } from '../config/loopback.ts';
import { messageOf } from '../domain/text.ts';
import { openTemporal, type TemporalSettings } from '../setup/temporal.ts';
import { type Access, anonymousAccess, createAccess, type CredentialChecks } from './access/access.ts';
import { createTokenCheck } from './access/jwt-tokens.ts';
import { readKeyFile, readKeysValue, watchKeyFile } from './access/key-file.ts';
import { createGateway } from './create-gateway.ts';
import { createWatchers } from './following/watchers.ts';
import type { Catalogue, GatewayParts } from './gateway-parts.ts';
import { createDedupedKeys } from './generations/deduped-key.ts';
import { createGenerationReader } from './generations/read-generations.ts';
import { hostInUrl, originOf, servedNames } from './http/guards.ts';
import { listenOnAll } from './listen-on-all.ts';
import { createGatewayMetrics } from './metrics/gateway-metrics.ts';
import { type MetricsServer, serveMetrics } from './metrics/serve-metrics.ts';
import { watchReadiness } from './watch-readiness.ts';

/** A running gateway. */
export interface RunningGateway {
  url: string;
  /** The origin that clients are told: the public URL if it is set. */
  origin: string;
  /** Reports "not ready", finishes calls in flight, and accepts no more; `isAbrupt` drops them. */
  close: (options?: { isAbrupt?: boolean }) => Promise<void>;
}

export interface ServeOptions {
  config: Pick<Config, 'taskQueue' | 'modelApiBase' | 'metricsAddress'>;
  /** The configuration, overridden by the command line. */
  gateway: GatewayConfig;
  temporal: TemporalSettings;
  catalogue: Catalogue;
  checkWebhook: GatewayParts['checkWebhook'];
  log: Logger;
}

/** A stop is complete within this time. */
const stopWithinMs = 29_000;
const sweepEveryMs = 100;

/** Serves until it is closed; throws a `ConfigError` with everything that is wrong before it listens. */
export async function serveGateway({
  config,
  gateway,
  temporal: server,
  catalogue,
  checkWebhook,
  log,
}: ServeOptions): Promise<RunningGateway> {
  const { address, publicUrl, drainMs } = gateway;
  const metrics = createGatewayMetrics();
  const access = await openAccess(gateway, log, metrics.countAuthFailure);
  // Temporal may be unreachable for any length of time; calls that need it are refused with that reason.
  const temporal = await openTemporal(server, {
    isImpatient: true,
    isLazy: true,
    onCall: metrics.countTemporalCall,
  });
  const { client } = temporal;
  const { taskQueue, modelApiBase, metricsAddress } = config;
  let isDraining = false;
  const readiness = watchReadiness(client);
  const generations = createGenerationClient({ client, taskQueue, modelApiBase });
  const reader = createGenerationReader(client);
  const app = await createGateway(
    {
      client,
      catalogue,
      checkWebhook,
      access,
      log,
      metrics,
      generations,
      reader,
      dedupedKeys: createDedupedKeys(reader),
      watchers: createWatchers(client, generations, reader),
      settings: { ...gateway, host: address.host },
      originOf: (request) => publicUrl ?? originOf(request),
      isDraining: () => isDraining,
    },
    async () => (isDraining ? { ready: false, reason: 'draining' } : await readiness()),
  );
  let metricsServer: MetricsServer | undefined;
  let closeOthers: () => Promise<void>;
  try {
    metricsServer = metricsAddress && (await serveMetrics(metricsAddress, metrics.registry));
    closeOthers = await openAddresses(app, address);
  } catch (error) {
    metricsServer?.close();
    await temporal.close();
    throw error;
  }
  if (servedNames({ ...gateway, host: address.host }).size === 0) {
    log.warn(
      `every call is refused with 421, for no host name is served on ${address.host}: name those that clients use in RUNCOMFY_GATEWAY_ALLOWED_HOSTS, or set RUNCOMFY_GATEWAY_PUBLIC_URL`,
    );
  }
  const url = `http://${hostInUrl(address.host)}:${String(portOf(app) ?? address.port)}`;
  return {
    url,
    origin: publicUrl ?? url,
    close: async ({ isAbrupt = false } = {}) => {
      isDraining = true;
      if (!isAbrupt) await sleep(drainMs);
      await closeServer(app, closeOthers, isAbrupt ? 0 : stopWithinMs - drainMs);
      metricsServer?.close();
      await temporal.close();
    },
  };
}

async function openAddresses(app: FastifyInstance, address: GatewayConfig['address']): Promise<() => Promise<void>> {
  try {
    return await listenOnAll(app, address);
  } catch (error) {
    throw new ConfigError([
      `The gateway cannot listen on ${address.host}:${String(address.port)}: ${messageOf(error)}.`,
    ]);
  }
}

function portOf(app: FastifyInstance): number | undefined {
  const bound = app.server.address();
  return typeof bound === 'object' ? bound?.port : undefined;
}

async function openAccess(
  gateway: GatewayConfig,
  log: Logger,
  onFailure: CredentialChecks['onFailure'],
): Promise<Access> {
  const { keysFile, keys, oidc } = gateway;
  const records = keys === undefined ? undefined : readKeysValue(keys, keysFile);
  const tokens = oidc && createTokenCheck(oidc);
  if (records !== undefined) return createAccess({ keys: () => Promise.resolve(records), tokens, onFailure });
  if (keysFile !== undefined) return createAccess({ keys: await watchKeyFile(keysFile, log), tokens, onFailure });
  if (tokens !== undefined) return createAccess({ keys: () => Promise.resolve([]), tokens, onFailure });
  refuseOpenDoor(gateway);
  return anonymousAccess;
}

/** Checks the configuration of credentials without listening; throws a `ConfigError` with everything that is wrong. */
export async function checkAccess(gateway: GatewayConfig): Promise<void> {
  const { keysFile, keys, oidc } = gateway;
  if (keys !== undefined) readKeysValue(keys, keysFile);
  else if (keysFile !== undefined) await readKeyFile(keysFile);
  else if (oidc === undefined) refuseOpenDoor(gateway);
}

function refuseOpenDoor({ address: { host } }: GatewayConfig): void {
  if (isLoopback(hostInUrl(host))) return;
  throw new ConfigError([
    `The gateway does not listen on ${host} without API keys, for everybody there could order: make one with \`runcomfy-temporal keys create\` and name its file in RUNCOMFY_GATEWAY_KEYS_FILE, or listen on 127.0.0.1.`,
  ]);
}

/** Closes the server. Connections that fall idle after the close began, or never sent a request, would delay it. */
async function closeServer(app: FastifyInstance, closeOthers: () => Promise<void>, withinMs: number): Promise<void> {
  const closed = Promise.all([app.close(), closeOthers()]).then(() => true);
  const giveUpAt = performance.now() + withinMs;
  while (!(await Promise.race([closed, sleep(sweepEveryMs).then(() => false)]))) {
    app.server.closeIdleConnections();
    if (performance.now() >= giveUpAt) app.server.closeAllConnections();
  }
}
