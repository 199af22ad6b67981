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
