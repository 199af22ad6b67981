import { LRUCache } from 'lru-cache';
import type { z } from 'zod';
import { countGenerations as count } from '../../../client/operator/index.ts';
import { workflowIdOf } from '../../access/principal.ts';
import type { generationCounts } from '../../contract/generation-counts.ts';
import type { GatewayParts } from '../../gateway-parts.ts';
import { patiently, readPatienceMs } from '../../generations/patiently.ts';
import type { Call } from '../operation.ts';

type Told = z.output<typeof generationCounts>;

const freshMs = 5_000;
const maxTenants = 1_000;

/** Tells how many of a principal's generations stand where; whoever asks within so long gets the same numbers. */
export function createCounts({ client }: Pick<GatewayParts, 'client'>) {
  const counted = new LRUCache<string, Promise<Told & { isDegraded?: true }>>({ max: maxTenants, ttl: freshMs });

  const ask = async (keyPrefix: string) => {
    const asOf = new Date().toISOString();
    const scope = keyPrefix === '' ? {} : { keyPrefix };
    return { ...(await patiently(client, readPatienceMs, () => count(client, scope))), asOf };
  };

  return async ({ request, reply }: Call<unknown, unknown, unknown>): Promise<Told> => {
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
