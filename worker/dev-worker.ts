import type { LogLevel } from '../config/env.ts';
import { createLogger } from '../setup/logger.ts';
import type { GenerationWorker } from './create-worker.ts';
import { openGenerationWorker, type OpenWorkerOptions } from './open-worker.ts';
import { installRuntime } from './runtime.ts';

/** The worker of a local stack. Unlike other workers, it logs only errors by default. */
export async function openDevWorker(options: OpenWorkerOptions, logLevel: LogLevel): Promise<GenerationWorker> {
  const level = logLevel === 'info' ? 'error' : logLevel;
  const log = createLogger(level);
  installRuntime({ logLevel: level }, log);
  // On a fresh server nobody makes a version current, so work pinned to a version would wait forever.
  return await openGenerationWorker({ ...options, log, deploymentVersion: undefined });
}
