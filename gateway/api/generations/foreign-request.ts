import { isRequestOfOthers } from '../../../client/operator/index.ts';
import { everyTenant, type Principal, workflowIdOf } from '../../access/principal.ts';
import type { GatewayParts } from '../../gateway-parts.ts';
import { patiently, readPatienceMs } from '../../generations/patiently.ts';

/** Message to a caller who asks for another tenant's request; it does not tell that the request exists. */
export const noSuchRequest = 'there is no such request';

/**
 * Whether Temporal's index has a request only under keys of other tenants. `key` names the order or decision, for
 * errors.
 */
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
