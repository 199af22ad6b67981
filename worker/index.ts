export { bundleWorkflows, loadWorkflowBundle } from './bundle-workflows.ts';
export { createGenerationWorker } from './create-worker.ts';
export type { GenerationWorker, GenerationWorkerOptions } from './create-worker.ts';
