// Workflows import this: it holds names, types and plain rules alone. The handlers are the worker's.
export { generationFailureOf } from './generation-failure.ts';
export type { NexusGenerationFailure } from './generation-failure.ts';
export { runcomfyService } from './service.ts';
export type { CancelInput, GenerateInput, StateInput, StateOutput } from './service.ts';
