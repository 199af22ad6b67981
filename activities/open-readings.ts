import { setTimeout as sleep } from 'node:timers/promises';

/** How a pause ended. `dropped`: the workflow has turned to something more urgent and will not hear of this attempt. */
export type PauseEnd = 'over' | 'dropped' | 'no-room' | 'shutdown';

export interface OpenReading {
  /** Waits in this process for the next read. */
  pause: (ms: number) => Promise<PauseEnd>;
  end: () => void;
}

/** The reading attempts of this process, so that one that is no longer wanted stops at once. */
export interface OpenReadings {
  /** Opens an attempt; an earlier one of the same request is dropped. */
  begin: (request: string) => OpenReading;
  drop: (request: string) => void;
  /** The worker shuts down: pauses end, and their attempts report what they have. */
  stopAll: () => void;
}

/** `maxPausing` keeps slots free, so that cancels, results and first reads never wait behind pausing attempts. */
export function createOpenReadings(maxPausing: number): OpenReadings {
  const open = new Map<string, AbortController>();
  const shutdown = new AbortController();
  let pausing = 0;
  const drop = (request: string) => {
    open.get(request)?.abort();
    open.delete(request);
  };
  return {
    begin(request) {
      drop(request);
      const dropped = new AbortController();
      open.set(request, dropped);
      const signal = AbortSignal.any([dropped.signal, shutdown.signal]);
      return {
        async pause(ms) {
          if (signal.aborted) return whyEnded(dropped.signal);
          if (pausing >= maxPausing) return 'no-room';
          pausing += 1;
          const isOver = await sleep(ms, true, { signal }).catch(() => false);
          pausing -= 1;
          if (isOver) return 'over';
          return whyEnded(dropped.signal);
        },
        end() {
          if (open.get(request) === dropped) open.delete(request);
        },
      };
    },
    drop,
    stopAll() {
      shutdown.abort();
    },
  };
}

function whyEnded(dropped: AbortSignal): PauseEnd {
  return dropped.aborted ? 'dropped' : 'shutdown';
}
