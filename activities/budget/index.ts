import type { BudgetActivities } from '../../domain/budget/budget.ts';
import type { BudgetDesk, LookedUpOrders } from './budget-desk.ts';
import { createReconcileReservations } from './reconcile-reservations.ts';
import { createSettleReservations } from './settle-reservations.ts';

/** The activities of budgets. No globals: everything they touch comes through `deps`. */
export function createBudgetActivities(deps: { desk: BudgetDesk; orders: LookedUpOrders }): BudgetActivities {
  return {
    settleReservations: createSettleReservations(deps.desk),
    reconcileReservations: createReconcileReservations(deps.orders),
  };
}
