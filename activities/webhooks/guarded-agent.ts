import type { LookupAddress, LookupOptions } from 'node:dns';
import { Agent } from 'undici';
import { addressMs } from '../../runcomfy/http/dispatchers.ts';
import { isPublicAddress } from '../../runcomfy/models/index.ts';
import { createNameLookUp, type LookUpAll } from './look-up-name.ts';

const connectMs = 5_000;

/** `code` of the error for a host that resolves to no public address. */
export const refusedAddressCode = 'ERR_WEBHOOK_ADDRESS';

type LookupCallback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;

/**
 * Connects to public addresses only. The addresses of a name are filtered, and the connection goes to one that passed,
 * so a later DNS answer cannot change it. Addresses written in the URL are not looked up, but checked before. Uses no
 * proxy of the environment.
 */
export function createGuardedAgent(resolve: LookUpAll = createNameLookUp()): Agent {
  const guarded = (hostname: string, options: LookupOptions, callback: LookupCallback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      const open = addresses.filter(({ address }) => isPublicAddress(address));
      const [first] = open;
      if (first === undefined) {
        // A look-up without an answer is no proof that there is no public address.
        callback(error ?? Object.assign(new Error('no public address'), { code: refusedAddressCode }), []);
      } else if (options.all === true) {
        callback(null, open);
      } else {
        callback(null, first.address, first.family);
      }
    });
  };
  return new Agent({ connect: { lookup: guarded, timeout: connectMs, autoSelectFamilyAttemptTimeout: addressMs } });
}

/** Connects to hosts that are allowed by name, wherever they are. */
export function createOpenAgent(): Agent {
  return new Agent({ connect: { timeout: connectMs, autoSelectFamilyAttemptTimeout: addressMs } });
}
