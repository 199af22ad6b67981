import { type LookupAddress, type LookupAllOptions, NODATA, NOTFOUND, promises } from 'node:dns';
import { networkInterfaces } from 'node:os';

/**
 * Time for a look-up, in milliseconds: out of a connection's 5 s, it leaves time to connect even if only one of the two
 * queries is answered.
 */
const lookUpMs = 3_500;
const firstTryMs = 1_000;
const tries = 3;

/** Looks up all addresses of a name. An error next to some addresses says that there may be more, and why. */
export type LookUpAll = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** How names are looked up. */
export interface NameLookUpOptions {
  /** Name servers as `address:port`; default: those of the system. */
  servers?: readonly string[];
  /** Whether IPv6 can be reached; default: if this machine has an IPv6 address of its own. */
  hasIpv6?: () => boolean;
}

/**
 * Creates a look-up that asks only the system's name servers, and no other source such as `/etc/hosts`. After 3.5 s it
 * gives what is known, with an error (`code` of `node:dns`) if that is nothing or one of its two queries had no answer.
 *
 * Node's own `lookup` blocks one of the process's few threads, which all look-ups share, until the system gives up.
 * Names whose servers stay silent, of which callers may give any number, would then delay the look-up of RunComfy
 * itself.
 */
export function createNameLookUp({ servers, hasIpv6 = hasOwnIpv6 }: NameLookUpOptions = {}): LookUpAll {
  return (hostname, _options, callback) => {
    // One resolver per look-up: it is cancelled as a whole, and uses the current name servers.
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

/** Like the system's look-up: an address that cannot be reached from here takes time from those that can. */
function hasOwnIpv6(): boolean {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return all.some(({ family, internal, address }) => family === 'IPv6' && !internal && !address.startsWith('fe80:'));
}
