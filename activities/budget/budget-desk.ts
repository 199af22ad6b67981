import type { ReserveVerdict, Settlement } from '../../domain/budget/budget.ts';

/** Where a worker's activities reserve and settle: it makes few calls of many questions. */
export interface BudgetDesk {
  /** Rejects where the budget gives no verdict in time; `no_budget` where there is none of that name. */
  reserve: (
    budget: string,
    request: { key: string; priceUsd: number },
    withinMs: number,
  ) => Promise<(ReserveVerdict & { limitUsd: number }) | 'no_budget'>;
  /** Resolves once Temporal has taken the settlement, or there is no such budget. */
  settle: (budget: string, settlement: Settlement) => Promise<void>;
}

/** How an order ended that a budget has lost sight of. */
export interface LookedUpOrders {
  /** `open`: it is under way. Without the time of its reservation, epoch ms, nobody can prove that nothing was sent. */
  settlementOf: (key: string, reservedAt?: number) => Promise<Settlement | 'open'>;
}
