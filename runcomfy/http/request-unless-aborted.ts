import type { Dispatcher } from 'undici';

/** What undici asks for, with a signal that ends the wait. */
export type AbortableRequest = Omit<Dispatcher.RequestOptions, 'signal'> & { signal?: AbortSignal | undefined };

/**
 * A request whose wait for the reply's head ends with its signal, with the reason of that. undici by itself hears of a
 * signal only once a connection stands, however long a name server, a host that is cut off or a proxy takes. What was given
 * up before is not written then either: it hears of the signal first.
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
