import { NativeConnection, type NativeConnectionOptions } from '@temporalio/worker';
import { readConfig, stateDirOf } from '../config/env.ts';
import { createRunComfyClient } from '../runcomfy/client.ts';
import { createLogger } from '../setup/logger.ts';
import { loadTemporalSettings, openTemporalBy } from '../setup/temporal.ts';
import { createGenerationWorker, type GenerationWorker, type GenerationWorkerOptions } from './create-worker.ts';
import { webhookOptionsOf } from './webhook-options.ts';
import { workerSettingsOf } from './worker-settings.ts';

/**
 * Options to create a worker from a token. Omitted ones come from the environment, as for `runcomfy-temporal worker`.
 */
export interface OpenWorkerOptions extends Partial<
  Omit<GenerationWorkerOptions, 'connection' | 'client' | 'runcomfy' | 'namespace' | 'dataConverter'>
> {
  /** RunComfy's token, or a function that resolves to the current token within 5 s. */
  token: string | (() => Promise<string>);
  /** Base URL of RunComfy or a simulator, with `/v1`. Default: that of the environment, or RunComfy's own. */
  modelApiBase?: string;
  /** Base URL for reading the balance. Default: that of the environment, but none if `modelApiBase` is given. */
  serverlessApiBase?: string;
  /** Default: taken from `TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, `TEMPORAL_PROFILE` and related variables. */
  temporal?: { connectionOptions: NativeConnectionOptions & { address: string }; namespace: string };
}

/**
 * Creates a worker with connections of its own, which are closed when `run` ends; it can run beside your workers in one
 * process. Call `run` once, and `shutdown` to end it. Signals, health and metrics are left to your process: listen for
 * signals, serve health from `isRunning` and `isTokenRefused`, and for metrics install Temporal's `Runtime` before you
 * call this.
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
    // A worker that never ran holds the connection; failing to close it is not the error to report.
    await close().catch(() => undefined);
    throw error;
  }
}
