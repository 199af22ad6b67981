/** Follows something for whoever listens. */
export interface Watcher<Seen> {
  /** Every state that differs from the one before, the end last; what comes faster than it is taken is merged. */
  follow: (workflowId: string, signal: AbortSignal) => AsyncGenerator<Seen, void, undefined>;
  /** How many are watched now. */
  watched: () => number;
}

interface Watch<Seen> {
  listeners: Set<() => void>;
  latest?: Seen;
  /** Set once nothing more comes; `error`: why it did not end as it should. */
  over?: { error?: Error };
  stop: AbortController;
}

/** Has all listeners of one Workflow ID share one watch of it, which ends with the last of them. */
export function createWatcher<Seen>(
  watch: (workflowId: string, signal: AbortSignal) => AsyncIterable<Seen>,
): Watcher<Seen> {
  const watches = new Map<string, Watch<Seen>>();

  const begin = (workflowId: string): Watch<Seen> => {
    const begun: Watch<Seen> = { listeners: new Set(), stop: new AbortController() };
    watches.set(workflowId, begun);
    void run(workflowId, begun).then((over) => {
      begun.over = over;
      if (watches.get(workflowId) === begun) watches.delete(workflowId);
      for (const wake of begun.listeners) wake();
    });
    return begun;
  };

  const run = async (workflowId: string, begun: Watch<Seen>): Promise<{ error?: Error }> => {
    const { signal } = begun.stop;
    try {
      for await (const seen of watch(workflowId, signal)) {
        begun.latest = seen;
        for (const wake of begun.listeners) wake();
      }
      return {};
    } catch (error) {
      return signal.aborted ? {} : { error: error instanceof Error ? error : new Error(String(error)) };
    }
  };

  return {
    async *follow(workflowId, signal) {
      const joined = watches.get(workflowId) ?? begin(workflowId);
      let wake: () => void = () => undefined;
      const listener = () => {
        wake();
      };
      joined.listeners.add(listener);
      signal.addEventListener('abort', listener);
      let told: Seen | undefined;
      try {
        while (!signal.aborted) {
          const { latest, over } = joined;
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
        joined.listeners.delete(listener);
        if (joined.listeners.size === 0) {
          if (watches.get(workflowId) === joined) watches.delete(workflowId);
          joined.stop.abort();
        }
      }
    },
    watched: () => watches.size,
  };
}
