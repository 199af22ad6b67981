import type { Client } from '@temporalio/client';
import type { LookedUpOrders } from '../activities/budget/budget-desk.ts';
import { isGenerationError } from '../client/index.ts';
import { lookUpOrder } from '../client/operator/index.ts';
import { presumedSettlement } from '../domain/budget/settlement.ts';

/** Looks up orders in Temporal; one that it knows no longer is presumed to have been billed. */
export function lookUpOrdersIn(client: Client): LookedUpOrders {
  return {
    settlementOf: (key) =>
      lookUpOrder(client, key).catch((error: unknown) => {
        if (isGenerationError(error) && error.type === 'KeyNotFound') return presumedSettlement(key);
        throw error;
      }),
  };
}
