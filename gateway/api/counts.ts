import type { Client } from '@temporalio/client';
import { LRUCache } from 'lru-cache';
import { type Principal, workflowIdOf } from '../access/principal.ts';
import type { GatewayParts } from '../gateway-parts.ts';
import { patiently, readPatienceMs } from '../generations/patiently.ts';
import type { Call } from './operation.ts';

interface Counts {
  open: number;
  isDegraded?: true;
}

const freshMs = 5_000;
const maxTenants = 1_000;

/** Response headers of counts. */
export const countHeaders = { 'X-RunComfy-Degraded': '`search-attributes`: the server does not know ours.' };

/**
 * Makes a handler that counts what a principal has, by phase. Counts are cached for five seconds and shared by
 * concurrent callers of a tenant.
 */
export function createCounts<Counted extends Counts>(
  { client }: Pick<GatewayParts, 'client'>,
  count: (client: Client, scope: { keyPrefix?: string }) => Promise<Counted>,
  prefixOf: (principal: Principal, name: string) => string = workflowIdOf,
) {
  const counted = new LRUCache<string, { asked: Promise<Counted & { asOf: string }>; freshUntil: number }>({
    max: maxTenants,
  });

  const ask = async (keyPrefix: string) => {
    const asOf = new Date().toISOString();
    const scope = keyPrefix === '' ? {} : { keyPrefix };
    return { ...(await patiently(client, readPatienceMs, () => count(client, scope), { asksOthers: true })), asOf };
  };

  return async ({ request, reply }: Call<unknown, unknown, unknown>) => {
    const keyPrefix = prefixOf(request.principal, '');
    let kept = counted.get(keyPrefix);
    if (kept === undefined || performance.now() >= kept.freshUntil) {
      // With a slow Temporal only one count is in flight: the five seconds start when its numbers arrive.
      const counting = { asked: ask(keyPrefix), freshUntil: Infinity };
      kept = counting;
      counted.set(keyPrefix, counting);
      counting.asked.then(
        () => {
          counting.freshUntil = performance.now() + freshMs;
        },
        () => {
          counting.freshUntil = 0;
        },
      );
    }
    const { isDegraded, ...told } = await kept.asked;
    if (isDegraded) reply.header('x-runcomfy-degraded', 'search-attributes');
    return told;
  };
}
