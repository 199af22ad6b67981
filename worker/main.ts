import type { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { type Config, ConfigError, stateDirOf } from '../config/env.ts';
import { prepareWritableFolder } from '../config/file-access.ts';
import { messageOf } from '../domain/text.ts';
import { favourMemory } from '../setup/favour-memory.ts';
import { createLogger } from '../setup/logger.ts';
import { openRunComfy } from '../setup/runcomfy.ts';
import { onStopAsked } from '../setup/stop-signals.ts';
import { loadTemporalSettings, openTemporalBy } from '../setup/temporal.ts';
import { createGenerationWorker, type GenerationWorker } from './create-worker.ts';
import { type HealthServer, serveHealth, type WorkerHealth } from './health.ts';
import { installRuntime } from './runtime.ts';
import { webhookOptionsOf } from './webhook-options.ts';
import { workerSettingsOf } from './worker-settings.ts';

/** Runs a worker in the foreground until it is asked to stop; refuses to start without a token. Logs go to stderr. */
export async function runWorker(config: Config): Promise<void> {
  favourMemory();
  const runcomfy = await openRunComfy(config);
  const stateDir = stateDirOf(config);
  await prepareWritableFolder(stateDir, 'give it to that user, or name another one in RUNCOMFY_STATE_DIR');
  const settings = await loadTemporalSettings(config);
  const log = createLogger(config.logLevel);
  const webhookOptions = await webhookOptionsOf(config, log);
  installRuntime(config, log);

  const temporal = await openTemporalBy((options) => NativeConnection.connect(options), settings);
  const { connection, client, namespace, address, dataConverter } = temporal;
  const { modelApiBase } = config;
  let worker: GenerationWorker | undefined;
  let health: HealthServer | undefined;
  let forget: (() => void) | undefined;
  try {
    // Opened before the workers: a worker that never ran holds the connection, which then cannot be closed.
    health = await openHealth(
      config,
      { isRunning: () => worker?.isRunning() === true, isTokenRefused: () => worker?.isTokenRefused() === true },
      client,
    );
    worker = await createGenerationWorker({
      connection,
      client,
      namespace,
      runcomfy,
      stateDir,
      log,
      ...(dataConverter && { dataConverter }),
      ...workerSettingsOf(config),
      ...webhookOptions,
    });
    const { shutdown } = worker;
    forget = onStopAsked(() => {
      log.info('stopping: what is in flight is finished first');
      shutdown();
    });
    log.info({ taskQueue: config.taskQueue, namespace, address, modelApiBase }, 'worker started');
    await worker.run();
    log.info('worker stopped');
  } finally {
    forget?.();
    await health?.close();
    await runcomfy.close();
    // An error from above must not be hidden by this one: a worker that never ran still holds the connection.
    await temporal.close().catch((error: unknown) => {
      log.debug({ reason: messageOf(error) }, 'the connection to Temporal could not be closed');
    });
  }
}

async function openHealth(config: Config, worker: WorkerHealth, client: Client) {
  const { healthAddress } = config;
  if (!healthAddress) return undefined;
  return await serveHealth(healthAddress, worker, client, config.taskQueue).catch((error: unknown) => {
    const reason = messageOf(error);
    throw new ConfigError([
      `RUNCOMFY_HEALTH_ADDRESS: cannot listen on ${healthAddress.host}:${String(healthAddress.port)} (${reason}).`,
    ]);
  });
}
