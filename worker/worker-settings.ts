import type { Config } from '../config/env.ts';
import { withoutUndefined } from '../domain/json.ts';
import type { GenerationWorkerOptions } from './create-worker.ts';

/** The worker options that are set by environment variables. */
export function workerSettingsOf(config: Config): Partial<GenerationWorkerOptions> {
  const { taskQueue, submitsPerSecond, readsPerSecond, maxConcurrentSubmits, maxConcurrentReads } = config;
  return withoutUndefined({
    taskQueue,
    submitsPerSecond,
    readsPerSecond,
    maxConcurrentSubmits,
    maxConcurrentReads,
    maxCachedWorkflows: config.maxCachedWorkflows,
    mediaHost: config.mediaHost,
    deploymentVersion: config.workerVersion,
    nexus: config.nexus,
    proxies: config.proxies?.urls(),
  });
}
