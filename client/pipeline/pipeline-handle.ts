import type { Client } from '@temporalio/client';
import {
  type ApprovalDecision,
  isPipelineEnd,
  type PipelineCancelMessage,
  type PipelineCancelReply,
  type PipelinePhase,
  type PipelineResult,
} from '../../domain/pipeline/pipeline-run.ts';
import { awaitEnd, type WaitOptions } from '../await-end.ts';
import type { CancelOptions } from '../generation/deciding/cancel-generation.ts';
import { toChainOf } from '../generation/one-chain.ts';
import { describeRun, isClosed } from '../generation/run-info.ts';
import { watchChanges, type WatchOptions } from '../watch-changes.ts';
import { cancelPipeline, decidePipeline } from './decide.ts';
import { eachNamedPipeline, namedPipeline, toPipelineError } from './pipeline-errors.ts';
import { type KnownPipelineState, readPipelineState } from './read-pipeline-state.ts';
import type { StartedPipeline } from './start-pipeline.ts';

/** One pipeline, by its key. Every method throws `GenerationError`. */
export interface PipelineHandle extends StartedPipeline {
  /**
   * Waits for the end: resolves to the result, or rejects with an error that has the state of each step
   * (`error.pipeline`).
   */
  result: (options?: WaitOptions) => Promise<PipelineResult>;
  /**
   * The current state, with its open generations; works for ended pipelines as well, and without a worker as far as the
   * server knows.
   */
  state: () => Promise<KnownPipelineState>;
  /** Whether the newest run of the key has closed; needs no worker. */
  isEnded: () => Promise<boolean>;
  /** Asks every open order to stop, and reports the outcome of each. */
  cancel: (message?: PipelineCancelMessage, options?: CancelOptions) => Promise<PipelineCancelReply>;
  /** Decides an approval. */
  decide: (decision: ApprovalDecision) => Promise<{ phase: PipelinePhase }>;
  /** Every state that differs from the one before; the last is the state at the end. */
  watch: (options?: WatchOptions) => AsyncIterable<KnownPipelineState>;
}

/** Binds the verbs of a pipeline to its key. */
export function createPipelineHandle(client: Client, started: StartedPipeline): PipelineHandle {
  const { key } = started;
  const tell = <T>(call: () => Promise<T>) => namedPipeline(key, () => toChainOf(started, call));
  const result = (options: WaitOptions = {}) =>
    awaitEnd<PipelineResult>(client, started, options, (error) => Promise.resolve(toPipelineError(error, key)));
  const watched = ({ patienceMs }: WatchOptions) => ({
    readState: (signal: AbortSignal) => readPipelineState(client, key, { signal }),
    isEnd: ({ phase }: KnownPipelineState) => isPipelineEnd(phase),
    awaitEnd: (signal: AbortSignal) => result({ signal, patienceMs }),
  });
  return {
    ...started,
    result: (options) => namedPipeline(key, () => result(options)),
    state: () => namedPipeline(key, () => readPipelineState(client, key)),
    isEnded: () => namedPipeline(key, async () => isClosed(await describeRun(client, key))),
    cancel: (message, options) => tell(() => cancelPipeline(client, key, message, options)),
    decide: (decision) => tell(() => decidePipeline(client, key, decision)),
    watch: (options = {}) => eachNamedPipeline(key, () => watchChanges(watched(options), options)),
  };
}
