import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { joinSignals } from '../../abort-signals/join-signals.ts';

/** A state as an event of a stream. */
export interface StreamedState {
  /** Identifies this state, on every replica. */
  id: string;
  isEnd: boolean;
  body: object;
}

export interface StreamOptions {
  /** Id of the last event that the listener has. */
  lastId: string | undefined;
  /** Aborted when the listener has left. */
  gone: AbortSignal;
  /** Aborted when the gateway stops. */
  stopping: AbortSignal;
  /** Whether the listener is still allowed to listen; checked at each keep-alive interval. */
  mayGoOn: () => Promise<boolean>;
  keepAliveMs?: number;
  /** Minimum time between two states; those in between are merged. */
  gapMs?: number;
}

const defaultKeepAliveMs = 15_000;
const defaultGapMs = 1_000;
const maxUnsentBytes = 256 * 1024;

/**
 * Server-Sent Events: one for each new state, keep-alives in between, and at last `end`, or `bye` if the client should
 * reconnect.
 */
export async function* eventStream(
  open: (signal: AbortSignal) => AsyncGenerator<StreamedState, void, undefined>,
  { lastId, gone, stopping, mayGoOn, keepAliveMs = defaultKeepAliveMs, gapMs = defaultGapMs }: StreamOptions,
): AsyncGenerator<string, void, undefined> {
  const left = new AbortController();
  const over = joinSignals([gone, stopping, left.signal]);
  const states = open(over);
  let last = lastId;
  let askedAt = performance.now();
  try {
    yield 'retry: 2000\n\n';
    let comeWithin = awaitedInParts(states.next());
    for (;;) {
      const come = await comeWithin(keepAliveMs);
      if (come === undefined || performance.now() - askedAt >= keepAliveMs) {
        askedAt = performance.now();
        if (!(await mayGoOn())) return;
      }
      if (come === undefined) {
        yield ': keep-alive\n\n';
        continue;
      }
      if (come.done) break;
      const { id, isEnd, body } = come.value;
      if (isEnd) {
        yield toEvent('end', body, id);
        return;
      }
      if (id !== last) {
        last = id;
        yield toEvent('state', body, id);
        await sleep(gapMs, undefined, { signal: over }).catch(() => undefined);
      }
      comeWithin = awaitedInParts(states.next());
    }
    if (!gone.aborted) yield toEvent('bye', {});
  } finally {
    // `return()` waits for a pending `next()`; the abort ends that.
    left.abort();
    await states.return();
  }
}

/** Passes a stream on, and closes the connection of a listener that reads nothing between two checks. */
export async function* dropWhenStalled(
  source: AsyncGenerator<string, void, undefined>,
  socket: Writable,
  checkEveryMs: number = defaultKeepAliveMs,
): AsyncGenerator<string, void, undefined> {
  let isOffered = false;
  let wasOffered = false;
  const timer = setInterval(() => {
    if ((isOffered && wasOffered) || socket.writableLength > maxUnsentBytes) socket.destroy();
    wasOffered = isOffered;
  }, checkEveryMs);
  try {
    for await (const text of source) {
      isOffered = true;
      yield text;
      isOffered = false;
      wasOffered = false;
    }
  } finally {
    clearInterval(timer);
  }
}

/**
 * Passes a stream on, and aborts it once its listener is not allowed to listen any more; checked at each keep-alive
 * interval.
 */
export async function* whileAllowed(
  source: AsyncGenerator<string, void, undefined>,
  mayGoOn: () => Promise<boolean>,
  revoked: AbortController,
): AsyncGenerator<string, void, undefined> {
  const ask = async () => {
    if (!(await mayGoOn())) revoked.abort();
  };
  const timer = setInterval(() => void ask(), defaultKeepAliveMs);
  try {
    for await (const text of source) {
      yield text;
      revoked.signal.throwIfAborted();
    }
  } finally {
    clearInterval(timer);
  }
}

/**
 * Makes a function that awaits a promise for up to `ms`, and can be called repeatedly; undefined on a timeout.
 * `Promise.race` would add a handler to the promise at each call.
 */
function awaitedInParts<T>(awaited: Promise<T>): (ms: number) => Promise<T | undefined> {
  const come = new AbortController();
  const note = () => {
    come.abort();
  };
  awaited.then(note, note);
  return async (ms) => {
    await sleep(ms, undefined, { signal: come.signal }).catch(() => undefined);
    return come.signal.aborted ? await awaited : undefined;
  };
}

function toEvent(event: string, body: object, id?: string): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(body)}\n\n`;
}
