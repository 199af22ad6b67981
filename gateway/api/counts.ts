import type { Client } from '@temporalio/client';
import { LRUCache } from 'lru-cache';
import { workflowIdOf } from '../access/principal.ts';
import type { GatewayParts } from '../gateway-parts.ts';
import { patiently, readPatienceMs } from '../generations/patiently.ts';
import type { Call } from './operation.ts';

interface Counts<Phase extends string> {
  byPhase: Partial<Record<Phase, number>>;
  open: number;
  isDegraded?: true;
}

const freshMs = 5_000;
const maxTenants = 1_000;

/** Headers of an answer with numbers. */
export const countHeaders = { 'X-RunComfy-Degraded': '`search-attributes`: the server does not know ours.' };

/** Tells how many of a principal's stand where; whoever asks within so long gets the same numbers. */
export function createCounts<Phase extends string>(
  { client }: Pick<GatewayParts, 'client'>,
  count: (client: Client, scope: { keyPrefix?: string }) => Promise<Counts<Phase>>,
) {
  const counted = new LRUCache<string, Promise<Counts<Phase> & { asOf: string }>>({ max: maxTenants, ttl: freshMs });

  const ask = async (keyPrefix: string) => {
    const asOf = new Date().toISOString();
    const scope = keyPrefix === '' ? {} : { keyPrefix };
    return { ...(await patiently(client, readPatienceMs, () => count(client, scope))), asOf };
  };

  return async ({ request, reply }: Call<unknown, unknown, unknown>) => {
    const keyPrefix = workflowIdOf(request.principal, '');
    let asked = counted.get(keyPrefix);
    if (asked === undefined) {
      asked = ask(keyPrefix);
      counted.set(keyPrefix, asked);
      asked.catch(() => counted.delete(keyPrefix));
    }
    const { isDegraded, ...told } = await asked;
    if (isDegraded) reply.header('x-runcomfy-degraded', 'search-attributes');
    return told;
  };
}
