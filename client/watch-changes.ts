import { setTimeout as sleep } from 'node:timers/promises';
import { joinSignals } from '../abort-signals/join-signals.ts';
import { isSameJson } from '../domain/json.ts';
import { defaultPatienceMs } from './await-end.ts';
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
      // Not by a race with the end, each of which it would remember until it comes.
      await sleep(pauseMs, undefined, { signal: isUnread ? stop : noMorePauses }).catch(() => undefined);
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

/**
 * A server that is away changes nothing about what is watched: whoever awaits the end decides how long that may last. Once
 * that has come, how it ended is to be told, so that it is asked until `giveUpAt`.
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
