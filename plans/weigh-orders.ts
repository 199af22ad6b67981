import { sumUp } from '../domain/estimate.ts';
import type { InputIssue, WallPolicy } from '../domain/generation.ts';
import type { PlannedOrder } from './checking.ts';
import { estimateOrders, whyUnpriced } from './estimate.ts';
import { isWorthAskingAgain } from './model-facts.ts';

/** What the orders of a plan are held to before the first is made. */
export interface OrderLimits {
  /** Refuses a plan whose price is above this, or cannot be known. */
  maxCostUsd?: number | undefined;
  /** Refuses a plan of which a price cannot be known. */
  needsPrices?: boolean | undefined;
  /** What orders that say nothing of their own do at a wall. */
  onWall?: WallPolicy | undefined;
  /** Earlier runs may have made them: what the whole costs refuses nothing then, and each is held to the limit when it is made. */
  mayBeReused?: boolean | undefined;
}

/** Why orders must not be made by their prices; `isAway`: the catalogue gave no answer, and may give one later. */
type CostIssue = InputIssue & { isAway?: boolean };

/** Fallbacks are not counted, but each is held to its price when it is made: one without would fail after others were paid. */
export function weighOrders(
  orders: readonly PlannedOrder[],
  { maxCostUsd, needsPrices = false, onWall, mayBeReused = false }: OrderLimits,
): CostIssue[] {
  if (maxCostUsd === undefined && !needsPrices) return [];
  const unpriced = orders.flatMap((order): CostIssue[] => {
    const why = whyUnpriced(order);
    if (why === undefined) return [];
    const { path, facts } = order;
    const message = `price unknown (${why}); give maxPriceUsd`;
    return [{ path, message, isAway: isWorthAskingAgain(facts, order.onWall ?? onWall) }];
  });
  if (mayBeReused) return unpriced;
  return [...unpriced, ...refuseAbove(sumUp(estimateOrders(orders)).atLeastUsd, maxCostUsd)];
}

/** The one problem of orders that cost more than they may. */
export function refuseAbove(atLeastUsd: number, maxCostUsd = Number.POSITIVE_INFINITY): InputIssue[] {
  if (atLeastUsd <= maxCostUsd) return [];
  const message = `the orders cost at least ${String(atLeastUsd)} USD, and maxCostUsd is ${String(maxCostUsd)}`;
  return [{ path: '$.steps', message }];
}
