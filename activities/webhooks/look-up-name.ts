import { type LookupAddress, type LookupAllOptions, promises } from 'node:dns';

/** Of a connection's five seconds: whoever answers one of two questions leaves time to connect. */
const lookUpMs = 3_500;
const firstTryMs = 1_000;
const tries = 3;

/** Looks up all addresses of a name. */
export type LookUpAll = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * Asks the name servers of the system, or these (`address:port`), and no other source of names, such as `/etc/hosts`. Gives
 * what is known after 3.5 s; an error with a `code` of `node:dns` where that is nothing.
 *
 * Node's own `lookup` blocks one of the process' few threads, which all look-ups share, until the system gives up: names
 * whose servers keep silent, of which a caller may give any number, would hold up the look-up of RunComfy itself.
 */
export function createNameLookUp(servers?: readonly string[]): LookUpAll {
  return (hostname, _options, callback) => {
    // One for each look-up: it is cancelled as a whole, and knows the name servers of the moment.
    const resolver = new promises.Resolver({ timeout: firstTryMs, tries });
    if (servers) resolver.setServers(servers);
    const timer = setTimeout(() => {
      resolver.cancel();
    }, lookUpMs);
    const found = Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
    void found.then(([four, six]) => {
      clearTimeout(timer);
      if (four.status === 'rejected' && six.status === 'rejected') {
        callback(four.reason as NodeJS.ErrnoException, []);
        return;
      }
      callback(null, [...addressesOf(four, 4), ...addressesOf(six, 6)]);
    });
  };
}

function addressesOf(answer: PromiseSettledResult<string[]>, family: 4 | 6): LookupAddress[] {
  return answer.status === 'rejected' ? [] : answer.value.map((address) => ({ address, family }));
}
