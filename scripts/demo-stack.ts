import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import type { Config } from '../config/env.ts';
import { readConfig } from '../config/env.ts';
import { loadTemporalConnection } from '../config/temporal.ts';
import { searchAttributes } from '../domain/names.ts';
import { startEmbeddedServer } from '../cli/dev-server/server.ts';
import { findTemporalBinary } from '../cli/dev-server/temporal-binary.ts';
import { createRunComfyClient } from '../runcomfy/client.ts';
import type { RunComfyClient } from '../runcomfy/client.ts';
import { createLogger } from '../setup/logger.ts';
import { openRunComfy } from '../setup/runcomfy.ts';
import { loadTemporalSettings, openTemporal, openTemporalBy } from '../setup/temporal.ts';
import type { TemporalSettings } from '../setup/temporal.ts';
import type { Simulator } from '../simulator/index.ts';
import { startSimulator } from '../simulator/index.ts';
import { createGenerationWorker } from '../worker/index.ts';

const cacheDir = fileURLToPath(new URL('../.cache/', import.meta.url));

/** The token of the demonstration; a `sim-` token is worth nothing anywhere else. */
export const simulatorToken = 'sim-start';

export interface DemoStack {
  client: Client;
  taskQueue: string;
  address: string;
  uiUrl?: string;
  runcomfy: RunComfyClient;
  simulator?: Simulator;
  /** Undoes everything, last part first. */
  stop: () => Promise<void>;
}

export interface DemoStackOptions {
  isLive: boolean;
  /** Keeps the server's data for the next `--keep`. */
  isKept: boolean;
  say: (line: string) => void;
}

/** Starts what a generation needs: a Temporal server unless one is configured, the simulator unless live, a worker. */
export async function startDemoStack({ isLive, isKept, say }: DemoStackOptions): Promise<DemoStack> {
  const undo: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const step of undo.splice(0).reverse())
      await step().catch((error: unknown) => {
        say(`while stopping: ${String(error)}`);
      });
  };
  try {
    const config = readConfig();
    // Live orders and simulated ones never share a server's data: each would be unknown to the other's API.
    const dataDir =
      isKept || isLive ? path.join(cacheDir, 'embedded', isLive ? 'live' : 'simulator') : await freshFolder(undo);
    const server = await openServer(config, dataDir, undo, say);
    const simulator = isLive
      ? undefined
      : await startSimulator({ scenario: 'demo', ...(isKept && { stateFile: path.join(dataDir, 'simulator.jsonl') }) });
    if (simulator) {
      undo.push(() => simulator.close());
      say(`simulator         ${simulator.url}`);
    }
    const runcomfy = simulator
      ? createRunComfyClient({ ...simulator, token: () => simulatorToken })
      : await openRunComfy(config);
    undo.push(() => runcomfy.close());
    // On a server of the user's, this worker must not take the orders of others.
    const taskQueue = server.uiUrl === undefined ? `runcomfy-start-${randomUUID().slice(0, 8)}` : config.taskQueue;
    const client = await startWorker({
      server,
      config,
      runcomfy,
      taskQueue,
      stateDir: path.join(dataDir, 'state'),
      undo,
    });
    return {
      client,
      taskQueue,
      address: server.connectionOptions.address,
      runcomfy,
      stop,
      ...(server.uiUrl !== undefined && { uiUrl: server.uiUrl }),
      ...(simulator && { simulator }),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Server = TemporalSettings & { uiUrl?: string };

async function openServer(
  config: Config,
  dataDir: string,
  undo: (() => Promise<void>)[],
  say: (line: string) => void,
): Promise<Server> {
  const configured = loadTemporalConnection();
  if (configured.isConfigured) {
    say(`Temporal server   ${configured.connectionOptions.address} (as configured)`);
    return await loadTemporalSettings(config);
  }
  const { path: cliPath, version, origin } = await findTemporalBinary({ cliPath: config.temporalCliPath, onNote: say });
  const server = await startEmbeddedServer({ cliPath, dbFile: path.join(dataDir, 'temporal.db'), searchAttributes });
  undo.push(() => server.stop());
  const { address, namespace, uiUrl } = server;
  say(`Temporal server   ${address} (temporal ${version} from ${origin})`);
  return { connectionOptions: { address }, namespace, ...(uiUrl !== undefined && { uiUrl }) };
}

async function startWorker(parts: {
  server: Server;
  config: Config;
  runcomfy: RunComfyClient;
  taskQueue: string;
  stateDir: string;
  undo: (() => Promise<void>)[];
}): Promise<Client> {
  const { server, config, runcomfy, taskQueue, stateDir, undo } = parts;
  const log = createLogger(config.logLevel === 'info' ? 'error' : config.logLevel);
  Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });
  const { connection, close, namespace, dataConverter } = await openTemporalBy(
    (options) => NativeConnection.connect(options),
    server,
  );
  undo.push(close);
  const { client, close: closeClient } = await openTemporal(server);
  undo.push(closeClient);
  const worker = await createGenerationWorker({
    connection,
    client,
    namespace,
    runcomfy,
    stateDir,
    log,
    taskQueue,
    ...(dataConverter && { dataConverter }),
  });
  const done = worker.run();
  undo.push(async () => {
    worker.shutdown();
    await done;
  });
  return client;
}

async function freshFolder(undo: (() => Promise<void>)[]): Promise<string> {
  await mkdir(cacheDir, { recursive: true });
  const folder = await mkdtemp(path.join(cacheDir, 'start-'));
  undo.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
