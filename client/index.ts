export { createGenerationClient } from './generation-client.ts';
export type { GenerationClient, GenerationClientOptions, TypedRequest } from './generation-client.ts';
export type { InputOf } from '../runcomfy/models/index.ts';
export type { GenerationHandle } from './generation-handle.ts';
export type { StartedGeneration, StartOptions } from './start-generation.ts';
export type { WaitOptions } from './await-result.ts';
export type { CancelOptions } from './cancel-generation.ts';
export type { WatchOptions } from './watch-states.ts';
export type { KnownState } from './server-state.ts';
export type { ListedGeneration, ListFilter } from './list-generations.ts';
export { clientErrorTypes, GenerationError, isGenerationError } from './errors.ts';
export type { ClientErrorType, GenerationErrorType } from './errors.ts';
export { failureTypes } from '../domain/failure-type.ts';
export type { FailureType } from '../domain/failure-type.ts';
export { generationWorkflowType, lateKey } from '../domain/names.ts';
export type {
  CancelOutcome,
  CancelReply,
  FailureDetails,
  GenerationOutput,
  GenerationRequest,
  GenerationResult,
  GenerationState,
  InputIssue,
  Phase,
  Submission,
  SubmissionResolution,
} from '../domain/generation.ts';
export type { SubmissionResolutionReply } from '../workflows/messages.ts';
