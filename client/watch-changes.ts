import { setTimeout as sleep } from 'node:timers/promises';
import { joinSignals } from '../abort-signals/join-signals.ts';
import { isSameJson } from '../domain/json.ts';
import { defaultPatienceMs } from './await-end.ts';
import { isGenerationError } from './errors.ts';
import { mayPass } from './grpc.ts';

/** How a workflow's states are watched. */
export interface WatchOptions {
  /** Stops the watching, not the workflow: the iterator then throws the signal's reason. */
  signal?: AbortSignal;
  /**
   * Pause between two reads while the state changes; default 1 s. It grows up to five times as long while nothing
   * changes.
   */
  intervalMs?: number;
  /** How long to wait for an unreachable Temporal; default 5 minutes. */
  patienceMs?: number;
}

const defaultIntervalMs = 1_000;
const slowest = 5;
const slowdown = 1.4;

/** The workflow that is watched. */
export interface Watched<State> {
  readState: (signal: AbortSignal) => Promise<State>;
  isEnd: (state: State) => boolean;
  /** Settles when the workflow has ended; receives the signal that ends the watching. */
  awaitEnd: (signal: AbortSignal) => Promise<unknown>;
}

/** Yields the state whenever it has changed, and last the state at the end. */
export async function* watchChanges<State>(
  { readState, isEnd, awaitEnd }: Watched<State>,
  { signal, intervalMs = defaultIntervalMs, patienceMs = defaultPatienceMs }: WatchOptions,
): AsyncGenerator<State, void, undefined> {
  const stopper = new AbortController();
  const stop = signal ? joinSignals([signal, stopper.signal]) : stopper.signal;
  const over = new AbortController();
  const noMorePauses = joinSignals([stop, over.signal]);
  let ending: { error?: Error } | undefined;
  const end = (how: { error?: Error }) => {
    ending = how;
    over.abort();
  };
  const ended = awaitEnd(stop).then(
    () => {
      end({});
    },
    (error: unknown) => {
      end({ error: error instanceof Error ? error : new Error(String(error)) });
    },
  );
  let last: State | undefined;
  let pauseMs = intervalMs;
  let giveUpAt: number | undefined;
  try {
    for (;;) {
      signal?.throwIfAborted();
      const isLastTime = ending !== undefined;
      if (ending?.error !== undefined && !isHowItEnded(ending.error)) throw ending.error;
      if (isLastTime) giveUpAt ??= performance.now() + patienceMs;
      const state = await readAgain(readState, stop, giveUpAt);
      signal?.throwIfAborted();
      const hasChanged = state !== undefined && !isSameJson(state, last);
      if (hasChanged) {
        last = state;
        yield state;
      }
      const isUnread = isLastTime && state === undefined;
      if ((isLastTime && !isUnread) || (last !== undefined && isEnd(last))) return;
      pauseMs = hasChanged ? intervalMs : Math.min(pauseMs * slowdown, intervalMs * slowest);
      // No race with the promise of the end: each race would add a listener that stays until the end comes.
      await sleep(pauseMs, undefined, { signal: isUnread ? stop : noMorePauses }).catch(() => undefined);
    }
  } finally {
    stopper.abort();
    await ended;
  }
}

/** An error that only kept the end from being read, an unreachable or busy server, is not how the workflow ended. */
function isHowItEnded(error: Error): boolean {
  return isGenerationError(error) && error.type !== 'TemporalUnreachable' && error.type !== 'TemporalBusy';
}

/**
 * Reads the state, or returns undefined while the server is away: whoever awaits the end decides how long that may
 * last. After the end its outcome is still to be read, so reading is retried until `giveUpAt`.
 */
async function readAgain<State>(
  readState: Watched<State>['readState'],
  signal: AbortSignal,
  giveUpAt = Infinity,
): Promise<State | undefined> {
  try {
    return await readState(signal);
  } catch (error) {
    if (mayPass(error) && performance.now() < giveUpAt) return undefined;
    throw error;
  }
}
