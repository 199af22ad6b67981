import type { LookupAddress, LookupOptions } from 'node:dns';
import { Agent } from 'undici';
import { addressMs } from '../../runcomfy/http/dispatchers.ts';
import { isPublicAddress } from '../../runcomfy/models/index.ts';
import { createNameLookUp, type LookUpAll } from './look-up-name.ts';

const connectMs = 5_000;

/** `code` of the error of a host that resolves to no public address. */
export const refusedAddressCode = 'ERR_WEBHOOK_ADDRESS';

type LookupCallback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;

/**
 * Connections to what may be reached alone: what a name resolves to is filtered, and the connection goes to an address
 * that passed, so that no later answer of the name server counts. Addresses written in the URL are not looked up: they are
 * judged before. No proxy of the environment is used.
 */
export function createGuardedAgent(resolve: LookUpAll = createNameLookUp()): Agent {
  const guarded = (hostname: string, options: LookupOptions, callback: LookupCallback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      const open = addresses.filter(({ address }) => isPublicAddress(address));
      const [first] = open;
      if (first === undefined) {
        // What had no answer may be a public one.
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

/** Connections to hosts that are allowed by name, wherever they are. */
export function createOpenAgent(): Agent {
  return new Agent({ connect: { timeout: connectMs, autoSelectFamilyAttemptTimeout: addressMs } });
}
