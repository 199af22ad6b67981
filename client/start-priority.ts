import type { Priority } from '@temporalio/common';
import { withoutUndefined } from '../domain/json.ts';
import { checkArgument } from './generation/check-arguments.ts';

/**
 * Priority and fairness of an order, as Temporal implements them: which order goes first when several wait for a rate
 * limit or for workers.
 */
export interface StartPriority {
  /** 1 (first) to 5 (last); default 3. Everything that the order starts inherits it. */
  priority?: 1 | 2 | 3 | 4 | 5 | undefined;
  /**
   * The tenant that orders, at most 64 bytes: within one priority tenants take turns, however much each has ordered.
   */
  tenant?: string | undefined;
  /** The tenant's share relative to the others, 0.001 to 1000; default 1. */
  weight?: number | undefined;
}

const maxTenantBytes = 64;
const minWeight = 0.001;
const maxWeight = 1_000;

/** The priority in Temporal's form; throws `InvalidInput` for values that Temporal would refuse. */
export function toPriority({ priority, tenant, weight }: StartPriority, key: string): { priority?: Priority } {
  const isLevel = priority === undefined || [1, 2, 3, 4, 5].includes(priority);
  checkArgument('priority', isLevel, 'a whole number from 1 (first) to 5 (last)', key);
  const isTenant =
    tenant === undefined ||
    (typeof tenant === 'string' && tenant !== '' && Buffer.byteLength(tenant) <= maxTenantBytes);
  checkArgument('tenant', isTenant, `text of 1 to ${String(maxTenantBytes)} bytes`, key);
  const isWeight = weight === undefined || (typeof weight === 'number' && weight >= minWeight && weight <= maxWeight);
  checkArgument('weight', isWeight, `a number from ${String(minWeight)} to ${String(maxWeight)}`, key);
  checkArgument('weight', weight === undefined || tenant !== undefined, 'a tenant beside it', key);
  if (priority === undefined && tenant === undefined) return {};
  return { priority: withoutUndefined({ priorityKey: priority, fairnessKey: tenant, fairnessWeight: weight }) };
}
