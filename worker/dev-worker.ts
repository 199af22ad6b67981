import type { LogLevel } from '../config/env.ts';
import { createLogger } from '../setup/logger.ts';
import type { GenerationWorker } from './create-worker.ts';
import { openGenerationWorker, type OpenWorkerOptions } from './open-worker.ts';
import { installRuntime } from './runtime.ts';

/** The worker of a local stack: as any other, but it says only what went wrong. */
export async function openDevWorker(options: OpenWorkerOptions, logLevel: LogLevel): Promise<GenerationWorker> {
  const level = logLevel === 'info' ? 'error' : logLevel;
  const log = createLogger(level);
  installRuntime({ logLevel: level }, log);
  // Nobody makes a version current on a server that has only begun: what is pinned to one would wait for ever.
  return await openGenerationWorker({ ...options, log, deploymentVersion: undefined });
}
