import type { Client } from '@temporalio/client';
import type { CancelReply, GenerationResult, SubmissionResolution } from '../../domain/generation.ts';
import { nudgeSignal, type SubmissionResolutionReply } from '../../workflows/generation/messages.ts';
import type { WaitOptions } from '../await-end.ts';
import { eachWithClientErrors, withClientErrors } from '../convert-errors.ts';
import { cancelGeneration, type CancelOptions } from './deciding/cancel-generation.ts';
import { resolveSubmission } from './deciding/resolve-submission.ts';
import { awaitResult } from './following/await-result.ts';
import { readState } from './following/read-state.ts';
import type { KnownState } from './following/server-state.ts';
import { type GenerationWatchOptions, watchStates } from './following/watch-states.ts';
import { toChainOf } from './one-chain.ts';
import { describeRun, isClosed } from './run-info.ts';
import type { StartedGeneration } from './starting/start-generation.ts';

/** Options of reading the state. */
export interface StateOptions {
  /** How long to wait for a worker's answer before the server's own records are used; default 12 s. */
  timeoutMs?: number | undefined;
}

/** One generation, by its key. Every method throws `GenerationError`. */
export interface GenerationHandle extends StartedGeneration {
  /** Waits for the end: resolves to the result, or rejects with an error that says what happened. */
  result: (options?: WaitOptions) => Promise<GenerationResult>;
  /** The current state; works for ended generations as well, and without a worker as far as the server knows. */
  state: (options?: StateOptions) => Promise<KnownState>;
  /** Whether the newest run of the key has closed; needs no worker. */
  isEnded: () => Promise<boolean>;
  /** Asks RunComfy to stop, and reports the outcome. */
  cancel: (reason?: string, options?: CancelOptions) => Promise<CancelReply>;
  /** Reads the status now instead of when the next read is due. */
  nudge: () => Promise<void>;
  /** Decides about a submission whose outcome is unknown. */
  resolveSubmission: (resolution: SubmissionResolution) => Promise<SubmissionResolutionReply>;
  /** Every state that differs from the one before; the last is the state at the end. */
  watch: (options?: GenerationWatchOptions) => AsyncIterable<KnownState>;
}

/** Binds the verbs of a generation to its key. */
export function createHandle(client: Client, started: StartedGeneration): GenerationHandle {
  const { key } = started;
  const tell = <T>(call: () => Promise<T>) => withClientErrors(key, () => toChainOf(started, call));
  return {
    ...started,
    result: (options) => withClientErrors(key, () => awaitResult(client, started, options)),
    state: ({ timeoutMs } = {}) => withClientErrors(key, () => readState(client, key, { timeoutMs })),
    isEnded: () => withClientErrors(key, async () => isClosed(await describeRun(client, key))),
    cancel: (reason, options) => tell(() => cancelGeneration(client, key, reason, options)),
    nudge: () => withClientErrors(key, () => nudge(client, key)),
    resolveSubmission: (resolution) => tell(() => resolveSubmission(client, key, resolution)),
    watch: (options) => eachWithClientErrors(key, () => watchStates(client, started, options)),
  };
}

async function nudge(client: Client, key: string): Promise<void> {
  const handle = client.workflow.getHandle(key);
  try {
    await handle.signal(nudgeSignal);
  } catch (error) {
    if (!isClosed(await describeRun(client, key))) throw error;
  }
}
