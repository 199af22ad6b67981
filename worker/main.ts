import { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import type { Logger } from 'pino';
import pino from 'pino';
import { createEncryptionCodec } from '../codec/index.ts';
import { readCodecKeys } from '../config/codec-keys.ts';
import type { Config } from '../config/env.ts';
import { ConfigError, tokenSource } from '../config/env.ts';
import { loadTemporalConnection } from '../config/temporal.ts';
import { createRunComfyClient } from '../runcomfy/client.ts';
import { createGenerationWorker } from './create-worker.ts';
import { serveHealth } from './health.ts';
import { installRuntime } from './runtime.ts';

/** Runs a worker in the foreground until SIGTERM or SIGINT; refuses to start without a token. Logs go to stderr. */
export async function runWorker(config: Config): Promise<void> {
  const token = tokenSource(config);
  await token();
  const codecKeys = await readCodecKeys(config);
  const log = createLogger(config);
  installRuntime(config, log);

  const { connectionOptions, namespace } = loadTemporalConnection();
  const connection = await NativeConnection.connect(connectionOptions).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TemporalUnreachableError(
      `Temporal cannot be reached at ${connectionOptions.address} (${reason}); start it or set TEMPORAL_ADDRESS.`,
    );
  });
  try {
    const dataConverter = codecKeys && { payloadCodecs: [createEncryptionCodec(codecKeys)] };
    const client = new Client({ connection, namespace, ...(dataConverter && { dataConverter }) });
    const { modelApiBase, serverlessApiBase, submitsPerSecond, readsPerSecond, workerVersion } = config;
    const runcomfy = createRunComfyClient({
      modelApiBase,
      ...(serverlessApiBase !== undefined && { serverlessApiBase }),
      token,
    });
    const worker = await createGenerationWorker({
      connection,
      client,
      namespace,
      runcomfy,
      stateDir: config.stateDir,
      log,
      taskQueue: config.taskQueue,
      ...(dataConverter && { dataConverter }),
      ...(submitsPerSecond !== undefined && { submitsPerSecond }),
      ...(readsPerSecond !== undefined && { readsPerSecond }),
      ...(workerVersion && { deploymentVersion: workerVersion }),
    });
    const health = config.healthAddress && (await listen(config, worker, client));
    const stopOnSignal = () => {
      log.info('stopping: what is in flight is finished first');
      worker.shutdown();
    };
    process.once('SIGTERM', stopOnSignal);
    process.once('SIGINT', stopOnSignal);
    log.info(
      { taskQueue: config.taskQueue, namespace, address: connectionOptions.address, modelApiBase },
      'worker started',
    );
    try {
      await worker.run();
    } finally {
      process.off('SIGTERM', stopOnSignal);
      process.off('SIGINT', stopOnSignal);
      await health?.close();
      await runcomfy.close();
    }
    log.info('worker stopped');
  } finally {
    await connection.close();
  }
}

/** Temporal could not be reached at start (exit 69). */
class TemporalUnreachableError extends Error {
  readonly type = 'TemporalUnreachable';
}

/** Structured logs on stderr; secrets are kept out where they arise, and these names are a second net. */
function createLogger(config: Config): Logger {
  return pino(
    {
      level: config.logLevel,
      redact: { paths: ['token', 'authorization', '*.token', '*.authorization'], censor: '[secret]' },
    },
    pino.destination(2),
  );
}

async function listen(config: Config, worker: Parameters<typeof serveHealth>[1], client: Client) {
  const { healthAddress } = config;
  if (!healthAddress) return undefined;
  return await serveHealth(healthAddress, worker, client).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError([
      `RUNCOMFY_HEALTH_ADDRESS: cannot listen on ${healthAddress.host}:${String(healthAddress.port)} (${reason}).`,
    ]);
  });
}
