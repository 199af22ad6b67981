import type {
  BatchHandle,
  GenerationClient,
  KnownBatchState,
  KnownPipelineState,
  PipelineHandle,
} from '../../client/index.ts';
import type { GenerationReader, SeenGeneration } from '../generations/read-generations.ts';
import { createGenerationWatcher } from '../generations/watch-generations.ts';
import { createWatcher, type Watcher } from './create-watcher.ts';

/** A state, and whose it is. */
export interface SeenState<State> {
  key: string;
  runId: string;
  state: State;
}

/** Who follows what for whoever listens. */
export interface Watchers {
  generations: Watcher<SeenGeneration>;
  pipelines: Watcher<SeenState<KnownPipelineState>>;
  batches: Watcher<SeenState<KnownBatchState>>;
}

/** Makes the watchers of a gateway. */
export function createWatchers(generations: GenerationClient, reader: GenerationReader): Watchers {
  return {
    generations: createGenerationWatcher(generations, reader),
    pipelines: watcherOf<KnownPipelineState>((workflowId) => generations.pipelines.get(workflowId)),
    batches: watcherOf<KnownBatchState>((workflowId) => generations.batches.get(workflowId)),
  };
}

function watcherOf<State>(
  find: (workflowId: string) => Promise<
    Pick<PipelineHandle | BatchHandle, 'key' | 'runId'> & {
      watch: (options: { signal: AbortSignal }) => AsyncIterable<State>;
    }
  >,
): Watcher<SeenState<State>> {
  return createWatcher(async function* (workflowId, signal) {
    const { key, runId, watch } = await find(workflowId);
    for await (const state of watch({ signal })) yield { key, runId, state };
  });
}
