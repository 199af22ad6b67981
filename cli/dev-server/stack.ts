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

/** A local Temporal, a RunComfy, simulated or real, a worker between them, and a gateway for callers without Temporal. */
export interface DevStack {
  client: Client;
  taskQueue: string;
  address: string;
  namespace: string;
  uiUrl?: string;
  simulator?: Simulator;
  gatewayUrl: string;
  /** Where the keys are by which all that Temporal keeps is encrypted. */
  codecKeysFile?: string;
  /** Undoes everything, last part first. */
  stop: () => Promise<void>;
}

export interface DevStackOptions {
  config: Config;
  isLive: boolean;
  /** Keeps the server's data for the next time. */
  isKept: boolean;
  /** Where they are kept; default: with the program. */
  dataDir?: string | undefined;
  say: (line: string) => void;
  /** Ends the start, a download at once, else after the step that is under way: what was started is undone. */
  signal?: AbortSignal | undefined;
}

/** Starts what a generation needs: a Temporal server unless one is configured, the simulator unless live, a worker. */
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
    // Before anything is started: without its native part there is no worker.
    const { openDevWorker } = await loadWorkerPart(() => import('../../worker/dev-worker.ts'));
    await prepareWritableFolder(devFolder(), 'install the package for that user, with HOME or XDG_CACHE_HOME set');
    if (wanted !== undefined) await prepareWritableFolder(wanted, 'name another one with --data');
    // Live orders and simulated ones never share a server's data: each would be unknown to the other's API.
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
    // On a server of the user's, this worker must not take the orders of others. What another simulator has made is unknown to this one.
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

/** What a second terminal needs to see the same generations. */
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
