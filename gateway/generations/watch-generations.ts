import type { GenerationClient } from '../../client/index.ts';
import { watchChanges } from '../../client/operator/index.ts';
import type { GenerationReader, SeenGeneration } from './read-generations.ts';

/** Follows generations for whoever listens. */
export interface GenerationWatcher {
  /** Every state that differs from the one before, the end last; what comes faster than it is taken is merged. */
  follow: (workflowId: string, signal: AbortSignal) => AsyncGenerator<SeenGeneration, void, undefined>;
  /** How many generations are watched now. */
  watched: () => number;
}

interface Watch {
  listeners: Set<() => void>;
  latest?: SeenGeneration;
  /** Set once nothing more comes; `error`: why it did not end as it should. */
  over?: { error?: Error };
  stop: AbortController;
}

/** Has all listeners of a generation share one watch of it, which ends with the last of them. */
export function createGenerationWatcher(generations: GenerationClient, reader: GenerationReader): GenerationWatcher {
  const watches = new Map<string, Watch>();

  const begin = (workflowId: string): Watch => {
    const watch: Watch = { listeners: new Set(), stop: new AbortController() };
    watches.set(workflowId, watch);
    void run(workflowId, watch).then((over) => {
      watch.over = over;
      if (watches.get(workflowId) === watch) watches.delete(workflowId);
      for (const wake of watch.listeners) wake();
    });
    return watch;
  };

  const run = async (workflowId: string, watch: Watch): Promise<{ error?: Error }> => {
    const { signal } = watch.stop;
    try {
      const states = watchChanges<SeenGeneration>(
        {
          readState: () => reader.read(workflowId, 'whole'),
          isEnd: ({ ending }) => ending !== undefined,
          // What was read just before the end is known not to be it.
          awaitEnd: (stop) =>
            awaitEnd(generations, workflowId, stop).finally(() => {
              reader.refresh(workflowId);
            }),
        },
        { signal },
      );
      for await (const state of states) {
        watch.latest = state;
        for (const wake of watch.listeners) wake();
      }
      return {};
    } catch (error) {
      return signal.aborted ? {} : { error: error instanceof Error ? error : new Error(String(error)) };
    }
  };

  return {
    async *follow(workflowId, signal) {
      const watch = watches.get(workflowId) ?? begin(workflowId);
      let wake: () => void = () => undefined;
      const listener = () => {
        wake();
      };
      watch.listeners.add(listener);
      signal.addEventListener('abort', listener);
      let told: SeenGeneration | undefined;
      try {
        while (!signal.aborted) {
          const { latest, over } = watch;
          if (latest !== undefined && latest !== told) {
            told = latest;
            yield latest;
          } else if (over) {
            if (over.error !== undefined) throw over.error;
            return;
          } else {
            await new Promise<void>((resolve) => (wake = resolve));
          }
        }
      } finally {
        signal.removeEventListener('abort', listener);
        watch.listeners.delete(listener);
        if (watch.listeners.size === 0) {
          if (watches.get(workflowId) === watch) watches.delete(workflowId);
          watch.stop.abort();
        }
      }
    },
    watched: () => watches.size,
  };
}

async function awaitEnd(generations: GenerationClient, workflowId: string, signal: AbortSignal): Promise<void> {
  const handle = await generations.get(workflowId);
  await handle.result({ signal });
}
