// One process, two workers: this project's own, and that of runcomfy-temporal, tuned.
import { fileURLToPath } from 'node:url';
import type { loadClientConnectConfig } from '@temporalio/envconfig';
import { NativeConnection, Worker } from '@temporalio/worker';
import { openGenerationWorker } from 'runcomfy-temporal/worker';

export interface Settings {
  /** As `loadClientConnectConfig` gives it: API key and certificates are in there. */
  connectionOptions: ReturnType<typeof loadClientConnectConfig>['connectionOptions'];
  namespace: string;
  /** RunComfy's token; in tests any that begins with `sim-`. */
  token: string;
  /** Left out: RunComfy's own. */
  modelApiBase?: string;
  /** Where request ids are kept until Temporal has them. */
  stateDir: string;
}

/** Starts both; gives what stops them. */
export async function startWorkers(settings: Settings): Promise<() => Promise<void>> {
  const { namespace, token, modelApiBase, stateDir } = settings;
  const { address = 'localhost:7233' } = settings.connectionOptions;
  const connectionOptions = { ...settings.connectionOptions, address };
  const generations = await openGenerationWorker({
    token,
    stateDir,
    ...(modelApiBase !== undefined && { modelApiBase }),
    temporal: { connectionOptions, namespace },
    submitsPerSecond: 5,
    readsPerSecond: 20,
    maxConcurrentSubmits: 10,
    maxConcurrentReads: 200,
  });
  const connection = await NativeConnection.connect(connectionOptions);
  const posters = await Worker.create({
    connection,
    namespace,
    taskQueue: 'posters',
    workflowsPath: fileURLToPath(new URL('./workflows.js', import.meta.url)),
  });
  const running = [generations.run(), posters.run()];
  return async () => {
    generations.shutdown();
    posters.shutdown();
    await Promise.all(running);
    await connection.close();
  };
}
