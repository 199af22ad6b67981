import type { Client } from '@temporalio/client';
import type { LookedUpOrders } from '../activities/budget/budget-desk.ts';
import { isGenerationError } from '../client/index.ts';
import { grpcCodeOf, lookUpOrder } from '../client/operator/index.ts';
import type { Settlement } from '../domain/budget/budget.ts';
import { presumedSettlement } from '../domain/budget/settlement.ts';
import { wasNeverSent } from './history/never-sent.ts';

/**
 * How long after the reservation an unreadable history is tried again. It may never become readable, so after that it
 * proves nothing and the money is no longer held.
 */
const proofWithinMs = 60 * 60_000;
/** Timeout of one history. Orders are looked up one after another, so a slow one must not hold up the others. */
const proofMs = 5_000;
/**
 * gRPC codes that may say nothing about the history itself: cancelled (1), deadline exceeded (4), resource exhausted
 * (8) and unavailable (14).
 */
const passingCodes: readonly number[] = [1, 4, 8, 14];
/**
 * The same as `proofWithinMs`, for `passingCodes`: a server that still serves look-ups is not overloaded for longer. A
 * history that is too large for a reply, or takes more than its 5 s, fails with one of these codes every time, and
 * would otherwise hold the money for as long as Temporal keeps it.
 */
const passesWithinMs = 24 * 60 * 60_000;

/**
 * Looks up orders in Temporal. An order that Temporal no longer knows is presumed billed. So is one that was ended from
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

/** Whether a settlement is only presumed. A generation that reports a failure of unknown cost looks the same. */
function isPresumed({ outcome, costUsd }: Settlement): boolean {
  return outcome === 'failed' && costUsd === undefined;
}
