import { isRequestOfOthers } from '../../../client/operator/index.ts';
import { everyTenant, type Principal, workflowIdOf } from '../../access/principal.ts';
import type { GatewayParts } from '../../gateway-parts.ts';
import { patiently, readPatienceMs } from '../../generations/patiently.ts';

/** The refusal of an order that would take over another's request: whose it is instead is told to nobody. */
export const noSuchRequest = 'there is no such request';

/** Whether Temporal's index tells of a request under others' keys alone. `key` is what is ordered or decided, for errors. */
export async function isForeignRequest(
  { client }: Pick<GatewayParts, 'client'>,
  principal: Principal,
  key: string,
  requestId: string,
): Promise<boolean> {
  if (principal.tenant === everyTenant) return false;
  const keyPrefix = workflowIdOf(principal, '');
  return await patiently(client, readPatienceMs, () => isRequestOfOthers(client, requestId, { key, keyPrefix }));
}
