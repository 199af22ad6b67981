import type { Dispatcher } from 'undici';

/** undici's request options, with a signal that ends the wait. */
export type AbortableRequest = Omit<Dispatcher.RequestOptions, 'signal'> & { signal?: AbortSignal | undefined };

/**
 * Sends a request and waits for the reply's head. Rejects with the signal's reason as soon as the signal aborts: undici
 * by itself heeds a signal only once a connection is open, however long DNS, an unreachable host or a proxy takes. A
 * request given up before that is not written later either, since undici checks the signal first.
 */
export async function requestUnlessAborted(
  dispatcher: Dispatcher,
  { signal, ...request }: AbortableRequest,
): Promise<Dispatcher.ResponseData> {
  if (signal === undefined) return await dispatcher.request(request);
  signal.throwIfAborted();
  let giveUp = () => {};
  const givenUp = new Promise<never>((_resolve, reject) => {
    giveUp = () => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', giveUp, { once: true });
  });
  try {
    return await Promise.race([dispatcher.request({ ...request, signal }), givenUp]);
  } finally {
    signal.removeEventListener('abort', giveUp);
  }
}
