import { watchChanges, type Watched } from '../../client/operator/index.ts';
import { isSameJson } from '../../domain/json.ts';

/** Follows something for whoever listens. */
export interface Watcher<Seen> {
  /**
   * Every state that differs from the one before, the end last; what comes faster than it is taken is merged. All of them
   * are asked for from now on: none is older than what a caller knows already.
   */
  follow: (workflowId: string, signal: AbortSignal) => AsyncGenerator<Seen, void, undefined>;
  /** How many are watched now. */
  watched: () => number;
}

interface Watch<Seen> {
  listeners: Set<() => void>;
  /** How often the state was asked for. */
  asked: number;
  latest?: Seen;
  /** The last time that it was asked for and came, `latest` as before or anew. */
  answered: number;
  /** Set once nothing more comes; `error`: why it did not end as it should. */
  over?: { error?: Error };
  stop: AbortController;
}

/** Has all listeners of one Workflow ID share one watch of it, which ends with the last of them. */
export function createWatcher<Seen>(
  watchedBy: (workflowId: string, signal: AbortSignal) => Watched<Seen> | Promise<Watched<Seen>>,
): Watcher<Seen> {
  const watches = new Map<string, Watch<Seen>>();

  const begin = (workflowId: string): Watch<Seen> => {
    const begun: Watch<Seen> = { listeners: new Set(), asked: 0, answered: 0, stop: new AbortController() };
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
      const watched = await watchedBy(workflowId, signal);
      const readState = async (stop: AbortSignal) => {
        begun.asked += 1;
        const nth = begun.asked;
        const seen = await watched.readState(stop);
        if (!isSameJson(seen, begun.latest)) begun.latest = seen;
        begun.answered = nth;
        for (const wake of begun.listeners) wake();
        return seen;
      };
      const changes = watchChanges({ ...watched, readState }, { signal });
      while (!(await changes.next()).done) continue;
      return {};
    } catch (error) {
      return signal.aborted ? {} : { error: error instanceof Error ? error : new Error(String(error)) };
    }
  };

  return {
    async *follow(workflowId, signal) {
      while (!signal.aborted) {
        const joined = watches.get(workflowId) ?? begin(workflowId);
        try {
          // One that ends as it is joined is not asked any more: the next tells the end.
          if (yield* tellOf(joined, signal)) return;
        } finally {
          if (joined.listeners.size === 0) {
            if (watches.get(workflowId) === joined) watches.delete(workflowId);
            joined.stop.abort();
          }
        }
      }
    },
    watched: () => watches.size,
  };
}

/** What a watch asks for from now on; false: it was over before anything of that came. */
async function* tellOf<Seen>(watch: Watch<Seen>, signal: AbortSignal): AsyncGenerator<Seen, boolean, undefined> {
  const askedBefore = watch.asked;
  let wake: () => void = () => undefined;
  const listener = () => {
    wake();
  };
  watch.listeners.add(listener);
  signal.addEventListener('abort', listener);
  let told: Seen | undefined;
  try {
    while (!signal.aborted) {
      const { latest, answered, over } = watch;
      if (answered > askedBefore && latest !== undefined && latest !== told) {
        told = latest;
        yield latest;
      } else if (over) {
        if (over.error !== undefined) throw over.error;
        return told !== undefined || askedBefore === 0;
      } else {
        await new Promise<void>((resolve) => (wake = resolve));
      }
    }
    return true;
  } finally {
    signal.removeEventListener('abort', listener);
    watch.listeners.delete(listener);
  }
}
