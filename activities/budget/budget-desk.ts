import type { ReserveVerdict, Settlement } from '../../domain/budget/budget.ts';

/** Where a worker's activities reserve and settle; combines many questions into few calls. */
export interface BudgetDesk {
  /** Rejects if the budget gives no verdict within `withinMs`; `no_budget` if there is none of that name. */
  reserve: (
    budget: string,
    request: { key: string; priceUsd: number },
    withinMs: number,
  ) => Promise<(ReserveVerdict & { limitUsd: number }) | 'no_budget'>;
  /** Resolves once Temporal has accepted the settlement, or if there is no such budget. */
  settle: (budget: string, settlement: Settlement) => Promise<void>;
}

/** Looks up how orders ended that a budget has lost sight of. */
export interface LookedUpOrders {
  /** `open`: the order is under way. `reservedAt`: epoch ms; without it, nobody can prove that nothing was sent. */
  settlementOf: (key: string, reservedAt?: number) => Promise<Settlement | 'open'>;
}
