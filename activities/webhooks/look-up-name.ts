import { type LookupAddress, type LookupAllOptions, NODATA, NOTFOUND, promises } from 'node:dns';
import { networkInterfaces } from 'node:os';

/** Of a connection's five seconds: whoever answers one of two questions leaves time to connect. */
const lookUpMs = 3_500;
const firstTryMs = 1_000;
const tries = 3;

/** Looks up all addresses of a name; an error beside some of them says why there may be more. */
export type LookUpAll = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** What a look-up asks. */
export interface NameLookUpOptions {
  /** `address:port`; default: those of the system. */
  servers?: readonly string[];
  /** Whether addresses of IPv6 can be reached; default: where this machine has one of its own. */
  hasIpv6?: () => boolean;
}

/**
 * Asks the name servers of the system, and no other source of names, such as `/etc/hosts`. Gives what is known after 3.5 s,
 * with an error with a `code` of `node:dns` where that is nothing, or where one of its two questions has had no answer.
 *
 * Node's own `lookup` blocks one of the process' few threads, which all look-ups share, until the system gives up: names
 * whose servers keep silent, of which a caller may give any number, would hold up the look-up of RunComfy itself.
 */
export function createNameLookUp({ servers, hasIpv6 = hasOwnIpv6 }: NameLookUpOptions = {}): LookUpAll {
  return (hostname, _options, callback) => {
    // One for each look-up: it is cancelled as a whole, and knows the name servers of the moment.
    const resolver = new promises.Resolver({ timeout: firstTryMs, tries });
    if (servers) resolver.setServers(servers);
    const timer = setTimeout(() => {
      resolver.cancel();
    }, lookUpMs);
    const families = hasIpv6() ? ([4, 6] as const) : ([4] as const);
    const found = Promise.allSettled(
      families.map(async (family) => {
        const addresses = await (family === 4 ? resolver.resolve4(hostname) : resolver.resolve6(hostname));
        return addresses.map((address) => ({ address, family }));
      }),
    );
    void found.then((answers) => {
      clearTimeout(timer);
      const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
      const errors = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as Failed] : []));
      const unanswered = errors.find(({ code }) => code !== NODATA && code !== NOTFOUND);
      callback(unanswered ?? (addresses.length === 0 ? errors[0] : undefined) ?? null, addresses);
    });
  };
}

type Failed = NodeJS.ErrnoException;

/** As the system's look-up does: an address that nobody here can reach takes from the time of those that can be. */
function hasOwnIpv6(): boolean {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.some(({ family, internal, address }) => family === 'IPv6' && !internal && !address.startsWith('fe80:'));
}
