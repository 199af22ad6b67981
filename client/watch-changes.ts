import { setTimeout as sleep } from 'node:timers/promises';
import { isSameJson } from '../domain/json.ts';
import { isGenerationError } from './errors.ts';
import { mayPass } from './grpc.ts';

/** How states are watched. */
export interface WatchOptions {
  /** Ends the watching, not what is watched: the iterator then throws the signal's reason. */
  signal?: AbortSignal;
  /** Pause between two reads of the state while things change; default 1 s. It grows to five times as long while nothing does. */
  intervalMs?: number;
  /** How long an unreachable Temporal is waited for; default 5 minutes. */
  patienceMs?: number;
}

const defaultIntervalMs = 1_000;
const slowest = 5;
const slowdown = 1.4;

/** What is watched. */
export interface Watched<State> {
  readState: (signal: AbortSignal) => Promise<State>;
  isEnd: (state: State) => boolean;
  /** Settles when all is over; it is given the signal that ends the watching. */
  awaitEnd: (signal: AbortSignal) => Promise<unknown>;
}

/** Yields a state whenever it has changed, the last time as it ended. */
export async function* watchChanges<State>(
  { readState, isEnd, awaitEnd }: Watched<State>,
  { signal, intervalMs = defaultIntervalMs }: WatchOptions,
): AsyncGenerator<State, void, undefined> {
  const stopper = new AbortController();
  const stop = signal ? AbortSignal.any([signal, stopper.signal]) : stopper.signal;
  let ending: { error?: Error } | undefined;
  const ended = awaitEnd(stop).then(
    () => (ending = {}),
    (error: unknown) => (ending = { error: error instanceof Error ? error : new Error(String(error)) }),
  );
  let last: State | undefined;
  let pauseMs = intervalMs;
  try {
    for (;;) {
      signal?.throwIfAborted();
      const isLastTime = ending !== undefined;
      if (ending?.error !== undefined && !isHowItEnded(ending.error)) throw ending.error;
      const state = await readAgain(readState, stop);
      signal?.throwIfAborted();
      const hasChanged = state !== undefined && !isSameJson(state, last);
      if (hasChanged) {
        last = state;
        yield state;
      }
      if (isLastTime || (last !== undefined && isEnd(last))) return;
      pauseMs = hasChanged ? intervalMs : Math.min(pauseMs * slowdown, intervalMs * slowest);
      await Promise.race([ended, sleep(pauseMs, undefined, { signal: stopper.signal }).catch(() => undefined)]);
    }
  } finally {
    stopper.abort();
    await ended;
  }
}

/** What only kept the end from being told is none, however patiently it was awaited. */
function isHowItEnded(error: Error): boolean {
  return isGenerationError(error) && error.type !== 'TemporalUnreachable' && error.type !== 'TemporalBusy';
}

/** A server that is away changes nothing about what is watched: whoever awaits the end decides how long that may last. */
async function readAgain<State>(
  readState: Watched<State>['readState'],
  signal: AbortSignal,
): Promise<State | undefined> {
  try {
    return await readState(signal);
  } catch (error) {
    if (mayPass(error)) return undefined;
    throw error;
  }
}
