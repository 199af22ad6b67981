// Workflows import this: it holds names, types and plain rules alone. The handlers are the worker's.
export { generationFailureOf, type NexusGenerationFailure } from './generation-failure.ts';
export { type CancelInput, type GenerateInput, runcomfyService, type StateInput, type StateOutput } from './service.ts';
