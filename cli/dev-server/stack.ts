import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Client } from '@temporalio/client';
import { type Config, tokenSource } from '../../config/env.ts';
import { prepareWritableFolder } from '../../config/file-access.ts';
import { loadTemporalConnection } from '../../config/temporal.ts';
import { withoutUndefined } from '../../domain/json.ts';
import { searchAttributes } from '../../domain/names.ts';
import { loadTemporalSettings, openTemporal, settingsFor, type TemporalSettings } from '../../setup/temporal.ts';
import type { Simulator } from '../../simulator/index.ts';
import { loadWorkerPart } from '../load-worker.ts';
import { devFolder } from './dev-folder.ts';
import { openDevGateway } from './dev-gateway.ts';
import { ownTaskQueue } from './own-task-queue.ts';
import { startEmbeddedServer } from './server.ts';
import { findTemporalBinary } from './temporal-binary.ts';

/** The token of the local stack; a `sim-` token is worth nothing anywhere else. */
const simulatorToken = 'sim-start';

/**
 * A local Temporal, a simulated or real RunComfy, a worker between them, and a gateway for callers without Temporal.
 */
export interface DevStack {
  client: Client;
  taskQueue: string;
  address: string;
  namespace: string;
  uiUrl?: string;
  simulator?: Simulator;
  gatewayUrl: string;
  /** The file with the keys that encrypt everything in Temporal. */
  codecKeysFile?: string;
  /** Stops everything, in reverse order. */
  stop: () => Promise<void>;
}

export interface DevStackOptions {
  config: Config;
  isLive: boolean;
  /** Whether to keep the server's data for the next start. */
  isKept: boolean;
  /** Folder for the data; default: next to the program. */
  dataDir?: string | undefined;
  say: (line: string) => void;
  /** Aborts the start: a download at once, otherwise after the current step. What was started is stopped. */
  signal?: AbortSignal | undefined;
}

/**
 * Starts everything a generation needs: a Temporal server unless one is configured, the simulator unless live, and a
 * worker.
 */
export async function startDevStack({
  config,
  isLive,
  isKept,
  dataDir: wanted,
  say,
  signal,
}: DevStackOptions): Promise<DevStack> {
  const undo: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const step of undo.splice(0).reverse())
      await step().catch((error: unknown) => {
        say(`while stopping: ${String(error)}`);
      });
  };
  try {
    // Checked before anything is started, since there is no worker without its native part.
    const { openDevWorker } = await loadWorkerPart(() => import('../../worker/dev-worker.ts'));
    await prepareWritableFolder(devFolder(), 'install the package for that user, with HOME or XDG_CACHE_HOME set');
    if (wanted !== undefined) await prepareWritableFolder(wanted, 'name another one with --data');
    // Live and simulated orders never share a server's data, since each would be unknown to the other's API.
    const dataDir =
      isKept || isLive
        ? path.join(wanted ?? path.join(devFolder(), 'embedded'), isLive ? 'live' : 'simulator')
        : await freshFolder(undo);
    signal?.throwIfAborted();
    const { settings, uiUrl } = await openServer({ config, say, signal }, dataDir, undo);
    signal?.throwIfAborted();
    const simulator = isLive ? undefined : await openSimulator(isKept ? dataDir : undefined);
    if (simulator) {
      undo.push(() => simulator.close());
      say(`simulator         ${simulator.url}`);
    }
    // On a server that the user configured, this worker must not take the orders of others. The queue's name is kept
    // only for live orders, since a new simulator does not know what an earlier one made.
    const taskQueue = uiUrl === undefined ? await ownTaskQueue(isLive ? dataDir : undefined) : config.taskQueue;
    const { modelApiBase, serverlessApiBase } = simulator ?? config;
    const runcomfy = {
      token: simulator ? () => Promise.resolve(simulatorToken) : tokenSource(config),
      modelApiBase,
      ...(serverlessApiBase !== undefined && { serverlessApiBase }),
    };
    const worker = await openDevWorker(
      {
        ...runcomfy,
        temporal: settings,
        stateDir: path.join(dataDir, 'state'),
        taskQueue,
      },
      config.logLevel,
    );
    const done = worker.run();
    undo.push(async () => {
      worker.shutdown();
      await done;
    });
    signal?.throwIfAborted();
    const gateway = await openDevGateway({ config, temporal: settings, taskQueue, runcomfy });
    undo.push(() => gateway.close());
    say(`gateway           ${gateway.url}`);
    const { client, namespace, address, close } = await openTemporal(settings);
    undo.push(close);
    signal?.throwIfAborted();
    const codecKeysFile = config.codecKeysFile === undefined ? undefined : path.resolve(config.codecKeysFile);
    return {
      client,
      taskQueue,
      address,
      namespace,
      stop,
      gatewayUrl: gateway.url,
      ...withoutUndefined({ uiUrl, simulator, codecKeysFile }),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The variables with which a second terminal sees the same generations. */
export function variablesOf({
  address,
  namespace,
  taskQueue,
  simulator,
  codecKeysFile,
}: DevStack): Record<string, string> {
  return {
    TEMPORAL_ADDRESS: address,
    TEMPORAL_NAMESPACE: namespace,
    RUNCOMFY_TASK_QUEUE: taskQueue,
    ...(codecKeysFile !== undefined && { RUNCOMFY_CODEC_KEYS_FILE: codecKeysFile }),
    ...(simulator && {
      RUNCOMFY_MODEL_API_BASE: simulator.modelApiBase,
      RUNCOMFY_SERVERLESS_API_BASE: simulator.serverlessApiBase,
      RUNCOMFY_API_TOKEN: simulatorToken,
    }),
  };
}

async function openSimulator(keptIn: string | undefined): Promise<Simulator> {
  const { startSimulator } = await import('../../simulator/index.ts');
  if (keptIn === undefined) return startSimulator({ scenario: 'demo' });
  await mkdir(keptIn, { recursive: true });
  return startSimulator({ scenario: 'demo', stateFile: path.join(keptIn, 'simulator.jsonl') });
}

async function openServer(
  { config, say, signal }: Pick<DevStackOptions, 'config' | 'say' | 'signal'>,
  dataDir: string,
  undo: (() => Promise<void>)[],
): Promise<{ settings: TemporalSettings; uiUrl?: string }> {
  if (loadTemporalConnection().isConfigured) {
    const settings = await loadTemporalSettings(config);
    say(`Temporal server   ${settings.connectionOptions.address} (as configured)`);
    return { settings };
  }
  const {
    path: cliPath,
    version,
    origin,
  } = await findTemporalBinary({
    cliPath: config.temporalCliPath,
    onNote: say,
    signal,
  });
  signal?.throwIfAborted();
  const server = await startEmbeddedServer({ cliPath, dbFile: path.join(dataDir, 'temporal.db'), searchAttributes });
  undo.push(() => server.stop());
  const { address, namespace, uiUrl } = server;
  say(`Temporal server   ${address} (temporal ${version} from ${origin})`);
  const settings = await settingsFor({ connectionOptions: { address }, namespace }, config);
  return { settings, ...(uiUrl !== undefined && { uiUrl }) };
}

async function freshFolder(undo: (() => Promise<void>)[]): Promise<string> {
  const folder = await mkdtemp(path.join(devFolder(), 'start-'));
  undo.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
