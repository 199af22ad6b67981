import { setMaxListeners } from 'node:events';
import type { Client } from '@temporalio/client';

/**
 * Makes a call that a signal ends. The SDK's connection listens at a signal for good, which would keep all that it was told
 * of for as long as a long-lived signal lives, and in Node 20 for ever where signals were joined: so it is given one of its
 * own.
 */
export async function withSignal<T>(client: Client, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  const own = new AbortController();
  // One for each long poll of a call that waits.
  setMaxListeners(0, own.signal);
  const listen = own.signal.addEventListener.bind(own.signal);
  // What is asked after the abort listens too late to be told of it, and would go on for as long as a long poll lasts.
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

/** Waits until a signal is aborted, and no longer, whatever becomes of what is awaited. */
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
