import { sumUp } from '../domain/estimate.ts';
import type { InputIssue, WallPolicy } from '../domain/generation.ts';
import type { PlannedOrder } from './checking.ts';
import { estimateOrders, whyUnpriced } from './estimate.ts';
import { isWorthAskingAgain } from './model-facts.ts';

/** Price limits for the orders of a plan, checked before the first one is made. */
export interface OrderLimits {
  /** Refuses a plan that costs more than this, or whose price is not known. */
  maxCostUsd?: number | undefined;
  /** Refuses a plan with an order whose price is not known. */
  needsPrices?: boolean | undefined;
  /** What orders without an `onWall` of their own do at a wall. */
  onWall?: WallPolicy | undefined;
  /**
   * Earlier runs may have made the orders: then the total is not checked beforehand, and each order is held to the
   * limit when it is made.
   */
  mayBeReused?: boolean | undefined;
}

/** A price problem of an order. `isAway`: the catalogue did not answer, and may do so later. */
type CostIssue = InputIssue & { isAway?: boolean };

/**
 * Problems of the orders' prices. The total leaves fallbacks out, but each needs a price: without one it would fail
 * when it is made, after others were paid for.
 */
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

/** The problem of orders that cost more than they may. */
export function refuseAbove(atLeastUsd: number, maxCostUsd = Number.POSITIVE_INFINITY): InputIssue[] {
  if (atLeastUsd <= maxCostUsd) return [];
  const message = `the orders cost at least ${String(atLeastUsd)} USD, and maxCostUsd is ${String(maxCostUsd)}`;
  return [{ path: '$.steps', message }];
}
