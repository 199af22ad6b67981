import type { Client } from '@temporalio/client';
import type { LookedUpOrders } from '../activities/budget/budget-desk.ts';
import { isGenerationError } from '../client/index.ts';
import { grpcCodeOf, lookUpOrder } from '../client/operator/index.ts';
import type { Settlement } from '../domain/budget/budget.ts';
import { presumedSettlement } from '../domain/budget/settlement.ts';
import { wasNeverSent } from './history/never-sent.ts';

/** A history that cannot be had so long after may never be: it proves nothing, and the money is not held for ever. */
const proofWithinMs = 60 * 60_000;
/** Many are looked up one after the other: one that is slow keeps none of the others from their turn. */
const proofMs = 5_000;
/** Given up (1, 4), too much at once (8), away (14): of the history itself this may say nothing. */
const passingCodes: readonly number[] = [1, 4, 8, 14];
/**
 * A Temporal that still has look-ups made is not busy for longer. A history that is too large for a reply, or too long for
 * its 5 s, always fails in the same words, and would hold the money for as long as Temporal keeps it.
 */
const passesWithinMs = 24 * 60 * 60_000;

/**
 * Looks up orders in Temporal; one that it knows no longer is presumed to have been billed. So is one that was ended from
 * outside, unless its history proves that nothing was sent.
 */
export function lookUpOrdersIn(client: Client): LookedUpOrders {
  return {
    settlementOf: async (key, reservedAt) => {
      const settlement = await lookUpOrder(client, key).catch((error: unknown) => {
        if (isGenerationError(error) && error.type === 'KeyNotFound') return undefined;
        throw error;
      });
      if (settlement === undefined) return presumedSettlement(key);
      if (settlement === 'open' || reservedAt === undefined || !isPresumed(settlement)) return settlement;
      const asked = client.withDeadline(Date.now() + proofMs, () => wasNeverSent(client, key, reservedAt));
      const isUnsent = await asked.catch((error: unknown) => {
        const mayPass = passingCodes.includes(grpcCodeOf(error) ?? 0);
        if (Date.now() - reservedAt < (mayPass ? passesWithinMs : proofWithinMs)) throw error;
        return false;
      });
      return isUnsent ? { key, outcome: 'not_submitted' } : settlement;
    },
  };
}

/** A generation that says itself that it failed, at no cost that is known, sounds the same. */
function isPresumed({ outcome, costUsd }: Settlement): boolean {
  return outcome === 'failed' && costUsd === undefined;
}
