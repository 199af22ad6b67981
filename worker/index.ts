import { ConfigError } from '../config/config-error.ts';
import type { bundleWorkflows as Bundle, loadWorkflowBundle as Load } from './bundle-workflows.ts';
import type { GenerationWorker, GenerationWorkerOptions } from './create-worker.ts';
import type { OpenWorkerOptions } from './open-worker.ts';

export { createRunComfyClient, type RunComfyClient, type RunComfyClientOptions } from '../runcomfy/client.ts';
export type { GenerationWorker, GenerationWorkerOptions } from './create-worker.ts';
export type { OpenWorkerOptions } from './open-worker.ts';

// Modules that need `@temporalio/worker`, an optional peer dependency, are imported only when a function here is
// called. Without the peer, the call rejects with a clear message, and this module can still be loaded by `require`.

/** Creates a worker from a token and opens its connections; see `OpenWorkerOptions`. */
export async function openGenerationWorker(options: OpenWorkerOptions): Promise<GenerationWorker> {
  return (await load(() => import('./open-worker.ts'))).openGenerationWorker(options);
}

/** Creates a worker on connections of yours; `createRunComfyClient` makes its RunComfy client. */
export async function createGenerationWorker(options: GenerationWorkerOptions): Promise<GenerationWorker> {
  return (await load(() => import('./create-worker.ts'))).createGenerationWorker(options);
}

/** Bundles the workflows' code from its sources. */
export async function bundleWorkflows(): ReturnType<typeof Bundle> {
  return (await load(() => import('./bundle-workflows.ts'))).bundleWorkflows();
}

/** The package's prebuilt bundle, or one made from the sources. */
export async function loadWorkflowBundle(): ReturnType<typeof Load> {
  return (await load(() => import('./bundle-workflows.ts'))).loadWorkflowBundle();
}

async function load<T>(part: () => Promise<T>): Promise<T> {
  try {
    return await part();
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
    if (!isMissing || !error.message.includes("'@temporalio/worker'")) throw error;
    throw new ConfigError([
      'runcomfy-temporal/worker needs @temporalio/worker, which is not installed: add it in the version of your other @temporalio packages.',
    ]);
  }
}
