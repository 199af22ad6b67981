import { setTimeout as sleep } from 'node:timers/promises';

/**
 * How a pause ended. `dropped`: the workflow has turned to something more urgent and ignores this attempt. `no-room`:
 * too many attempts pause already.
 */
export type PauseEnd = 'over' | 'dropped' | 'no-room' | 'shutdown';

export interface OpenAttempt {
  /** Waits in this process for the next read. */
  pause: (ms: number) => Promise<PauseEnd>;
  isDropped: () => boolean;
  end: () => void;
}

/** The reading attempts of this process; lets an attempt that is no longer wanted stop at once. */
export interface OpenAttempts {
  /** Opens an attempt; an earlier one of the same request is dropped. */
  begin: (request: string) => OpenAttempt;
  drop: (request: string) => void;
  /** The worker shuts down: pauses end, and their attempts report what they have. */
  stopAll: () => void;
}

/**
 * `maxPausing` limits the attempts that pause at the same time: the other slots stay free for cancels, results and
 * first reads.
 */
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
