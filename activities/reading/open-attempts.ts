import { setTimeout as sleep } from 'node:timers/promises';

/** How a pause ended. `dropped`: the workflow has turned to something more urgent and will not hear of this attempt. */
export type PauseEnd = 'over' | 'dropped' | 'no-room' | 'shutdown';

export interface OpenAttempt {
  /** Waits in this process for the next read. */
  pause: (ms: number) => Promise<PauseEnd>;
  isDropped: () => boolean;
  end: () => void;
}

/** The reading attempts of this process, so that one that is no longer wanted stops at once. */
export interface OpenAttempts {
  /** Opens an attempt; an earlier one of the same request is dropped. */
  begin: (request: string) => OpenAttempt;
  drop: (request: string) => void;
  /** The worker shuts down: pauses end, and their attempts report what they have. */
  stopAll: () => void;
}

/** `maxPausing` keeps slots free, so that cancels, results and first reads never wait behind pausing attempts. */
export function createOpenAttempts(maxPausing: number): OpenAttempts {
  const open = new Map<string, AbortController>();
  const dropped = new WeakSet<AbortController>();
  let isStopped = false;
  let pausing = 0;
  const drop = (request: string) => {
    const attempt = open.get(request);
    open.delete(request);
    if (!attempt) return;
    dropped.add(attempt);
    attempt.abort();
  };
  return {
    begin(request) {
      drop(request);
      const attempt = new AbortController();
      open.set(request, attempt);
      const isDropped = () => dropped.has(attempt);
      const whyEnded = () => (isDropped() ? 'dropped' : 'shutdown');
      return {
        isDropped,
        async pause(ms) {
          if (attempt.signal.aborted || isStopped) return whyEnded();
          if (pausing >= maxPausing) return 'no-room';
          pausing += 1;
          const isOver = await sleep(ms, true, { signal: attempt.signal }).catch(() => false);
          pausing -= 1;
          return isOver ? 'over' : whyEnded();
        },
        end() {
          if (open.get(request) === attempt) open.delete(request);
        },
      };
    },
    drop,
    stopAll() {
      isStopped = true;
      for (const attempt of open.values()) attempt.abort();
    },
  };
}
