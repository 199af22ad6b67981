// Imported by workflows, so it holds only names, types and plain functions. The handlers belong to the worker.
export { generationFailureOf, type NexusGenerationFailure } from './generation-failure.ts';
export { type CancelInput, type GenerateInput, runcomfyService, type StateInput, type StateOutput } from './service.ts';
