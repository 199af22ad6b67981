import { watchChanges, type Watched } from '../../client/operator/index.ts';
import { isSameJson } from '../../domain/json.ts';

/** Follows workflows on behalf of listeners. */
export interface Watcher<Seen> {
  /**
   * Yields every state that differs from the one before, and last the state at the end; states that come faster than
   * they are consumed are merged. All of them are read after this call, so none is older than what the caller knows
   * already.
   */
  follow: (workflowId: string, signal: AbortSignal) => AsyncGenerator<Seen, void, undefined>;
  /** The number of workflows being watched. */
  watched: () => number;
}

interface Watch<Seen> {
  listeners: Set<() => void>;
  /** Number of reads started. */
  asked: number;
  latest?: Seen;
  /** Number of the last read that returned, whether or not `latest` changed. */
  answered: number;
  /** Set once no more states come; `error` if the watch failed. */
  over?: { error?: Error };
  stop: AbortController;
}

/** Shares one watch of each Workflow ID among its listeners; the watch stops when the last one leaves. */
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
          // A watch that ends just as it is joined is not read any more, so the loop starts another, which reports the
          // end.
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

/** Yields the states that are read from now on; returns false if the watch ended before any of them came. */
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
