import type { ListedGeneration } from '../../../client/index.ts';
import { withoutUndefined } from '../../../domain/json.ts';
import { keyOfWorkflow, type Principal, tenantOfKey } from '../../access/principal.ts';

/** A listed generation in the format of our API. */
export function rowBody(principal: Principal, { key, startedAt, ...row }: ListedGeneration): object {
  return withoutUndefined({
    key: keyOfWorkflow(principal, key),
    tenant: tenantOfKey(principal, key),
    ...row,
    createdAt: startedAt,
  });
}
