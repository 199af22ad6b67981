import { operation, service } from 'nexus-rpc';
import type { CancelReply, GenerationRequest, GenerationResult, GenerationState } from '../domain/generation.ts';

/** Input of operation `generate`: a generation's request, and its key. */
export type GenerateInput = Omit<GenerationRequest, 'input'> & {
  /** The model's own flat JSON object; may be left out with `requestId`. */
  input?: object;
  /**
   * The same key attaches to the same generation and never orders twice. Default: `nexus-<request id of the
   * operation>`, so that each operation orders anew.
   */
  key?: string;
};

/** Input of operation `state`. */
export interface StateInput {
  key: string;
}

/** Output of operation `state`; `isFromServer` is set if no worker answered in time. */
export type StateOutput = GenerationState & { isFromServer?: true };

/** Input of operation `cancel`. */
export interface CancelInput {
  key: string;
  reason?: string;
}

/** The Nexus service for workflows of other namespaces, which need to know only an endpoint. */
export const runcomfyService = service('runcomfy', {
  generate: operation<GenerateInput, GenerationResult>(),
  state: operation<StateInput, StateOutput>(),
  cancel: operation<CancelInput, CancelReply>(),
});
