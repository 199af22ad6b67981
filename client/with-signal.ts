import { setMaxListeners } from 'node:events';
import type { Client } from '@temporalio/client';

/**
 * Makes a call that a signal can abort. The SDK's connection never removes its listeners from a signal: on a long-lived
 * signal they would keep everything they refer to, and on joined signals of Node 20 for good. So each call gets a
 * signal of its own.
 */
export async function withSignal<T>(client: Client, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  const own = new AbortController();
  // A waiting call adds one listener for each of its long polls.
  setMaxListeners(0, own.signal);
  const listen = own.signal.addEventListener.bind(own.signal);
  // The SDK may add a listener after the abort, which would then miss the event and leave its long poll running; so the
  // event is sent again.
  own.signal.addEventListener = (...listening: Parameters<typeof listen>) => {
    listen(...listening);
    if (!own.signal.aborted) return;
    queueMicrotask(() => {
      own.signal.dispatchEvent(new Event('abort'));
    });
  };
  const end = () => {
    own.abort(signal.reason);
  };
  if (signal.aborted) end();
  signal.addEventListener('abort', end);
  try {
    return await client.withAbortSignal(own.signal, call);
  } finally {
    signal.removeEventListener('abort', end);
  }
}

/** Awaits a promise until the signal is aborted; what was awaited may go on in the background. */
export async function unlessLeft<T>(signal: AbortSignal, awaited: Promise<T>): Promise<T> {
  let leave: (() => void) | undefined;
  const left = new Promise<never>((_resolve, reject) => {
    leave = () => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) leave();
    signal.addEventListener('abort', leave);
  });
  try {
    return await Promise.race([awaited, left]);
  } finally {
    if (leave) signal.removeEventListener('abort', leave);
  }
}
