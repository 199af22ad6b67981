import { NativeConnection, type NativeConnectionOptions } from '@temporalio/worker';
import { readConfig, stateDirOf } from '../config/env.ts';
import { createRunComfyClient } from '../runcomfy/client.ts';
import { createLogger } from '../setup/logger.ts';
import { loadTemporalSettings, openTemporalBy } from '../setup/temporal.ts';
import { createGenerationWorker, type GenerationWorker, type GenerationWorkerOptions } from './create-worker.ts';
import { webhookOptionsOf } from './webhook-options.ts';
import { workerSettingsOf } from './worker-settings.ts';

/** A worker from a token; what is left out comes from the environment, as for `runcomfy-temporal worker`. */
export interface OpenWorkerOptions extends Partial<
  Omit<GenerationWorkerOptions, 'connection' | 'client' | 'runcomfy' | 'namespace' | 'dataConverter'>
> {
  /** RunComfy's token, or a function that gives it as it is now, within 5 s. */
  token: string | (() => Promise<string>);
  /** With `/v1`; default: RunComfy's own, or a simulator's `modelApiBase`. */
  modelApiBase?: string;
  /** Where the balance is read; default: RunComfy's own where `modelApiBase` is. */
  serverlessApiBase?: string;
  /** Default: as `TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, `TEMPORAL_PROFILE` and their like say. */
  temporal?: { connectionOptions: NativeConnectionOptions & { address: string }; namespace: string };
}

/**
 * Connects a worker by itself: it runs beside workers of yours in one process, and closes its connections when `run` ends.
 * Call `run` once, `shutdown` to end it. Signals, health and metrics are left to your process: listen for the first, serve
 * the second by `isRunning` and `isTokenRefused`, and install Temporal's `Runtime` for the third before you call this.
 */
export async function openGenerationWorker(options: OpenWorkerOptions): Promise<GenerationWorker> {
  const { token, modelApiBase, serverlessApiBase, temporal: given, ...more } = options;
  const config = readConfig();
  const log = more.log ?? createLogger(config.logLevel);
  const webhookOptions = await webhookOptionsOf(config, log);
  const settings = await loadTemporalSettings(config);
  const temporal = await openTemporalBy((each) => NativeConnection.connect(each), { ...settings, ...given });
  const base = { modelApiBase: modelApiBase ?? config.modelApiBase };
  const balanceBase = modelApiBase === undefined ? (serverlessApiBase ?? config.serverlessApiBase) : serverlessApiBase;
  const runcomfy = createRunComfyClient({
    ...base,
    ...(balanceBase !== undefined && { serverlessApiBase: balanceBase }),
    ...(config.proxies && { proxies: config.proxies.urls() }),
    token: typeof token === 'string' ? () => Promise.resolve(token) : token,
  });
  const close = async () => {
    await runcomfy.close();
    await temporal.close();
  };
  try {
    const { connection, client, namespace, dataConverter } = temporal;
    const worker = await createGenerationWorker({
      stateDir: more.stateDir ?? stateDirOf(config),
      ...workerSettingsOf(config),
      ...webhookOptions,
      ...more,
      log,
      connection,
      client,
      namespace,
      runcomfy,
      ...(dataConverter && { dataConverter }),
    });
    return {
      ...worker,
      run: async () => {
        try {
          await worker.run();
        } finally {
          await close();
        }
      },
    };
  } catch (error) {
    // A worker that never ran holds the connection: that it cannot be closed is not the reason.
    await close().catch(() => undefined);
    throw error;
  }
}
