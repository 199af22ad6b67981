import type { Delivery } from '../../../client/index.ts';
import type { GatewayParts } from '../../gateway-parts.ts';
import { patiently, readPatienceMs } from '../../generations/patiently.ts';
import { ofGenerations } from '../generations/find-generation.ts';

/** Every webhook delivery of a generation that Temporal keeps. */
export function listDeliveries(
  { client, generations }: Pick<GatewayParts, 'client' | 'generations'>,
  workflowId: string,
): Promise<Delivery[]> {
  return ofGenerations(() => patiently(client, readPatienceMs, () => generations.webhooks.list(workflowId)));
}
