import type { Client } from '@temporalio/client';
import type {
  GenerationClient,
  KnownBatchState,
  KnownBudgetState,
  KnownPipelineState,
  WaitOptions,
} from '../../client/index.ts';
import { isBatchEnd } from '../../domain/batch/batch.ts';
import { isPipelineEnd } from '../../domain/pipeline/pipeline-run.ts';
import { findPatienceMs, patiently, readPatienceMs } from '../generations/patiently.ts';
import type { GenerationReader, SeenGeneration } from '../generations/read-generations.ts';
import { createGenerationWatcher } from '../generations/watch-generations.ts';
import { createWatcher, type Watcher } from './create-watcher.ts';

/** A state, and the key it belongs to. */
export interface SeenState<State> {
  key: string;
  state: State;
}

/** The watchers of a gateway, by kind. */
export interface Watchers {
  generations: Watcher<SeenGeneration>;
  pipelines: Watcher<SeenState<KnownPipelineState>>;
  batches: Watcher<SeenState<KnownBatchState>>;
  /** By full name. */
  budgets: Watcher<KnownBudgetState>;
}

/** Makes the watchers of a gateway. */
export function createWatchers(client: Client, generations: GenerationClient, reader: GenerationReader): Watchers {
  const { pipelines, batches, budgets } = generations;
  return {
    generations: createGenerationWatcher(client, generations, reader),
    pipelines: watcherOf(client, (workflowId) => pipelines.get(workflowId), isPipelineEnd),
    batches: watcherOf(client, (workflowId) => batches.get(workflowId), isBatchEnd),
    budgets: createWatcher((name) => ({
      readState: () => patiently(client, readPatienceMs, () => budgets.state(name), { asksOthers: true }),
      isEnd: ({ isClosed }) => isClosed === true,
      // A budget's closing shows only in its state.
      awaitEnd: aborted,
    })),
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => {
      resolve();
    });
  });
}

interface Handle<State> {
  key: string;
  state: () => Promise<State>;
  result: (options: WaitOptions) => Promise<unknown>;
}

function watcherOf<Phase, State extends { phase: Phase }>(
  client: Client,
  find: (workflowId: string) => Promise<Handle<State>>,
  isEnd: (phase: Phase) => boolean,
): Watcher<SeenState<State>> {
  return createWatcher(async (workflowId, signal) => {
    const handle = await patiently(client, findPatienceMs, () => find(workflowId), { signal });
    const { key } = handle;
    const readState = () => patiently(client, readPatienceMs, () => handle.state(), { asksOthers: true });
    return {
      readState: async () => ({ key, state: await readState() }),
      isEnd: ({ state: { phase } }) => isEnd(phase),
      awaitEnd: (stop) => handle.result({ signal: stop }),
    };
  });
}
