import type { BudgetActivities } from '../../domain/budget/budget.ts';
import type { BudgetDesk } from './budget-desk.ts';

/**
 * Settles an order in each of its budgets. If one fails, all are settled again, which changes nothing in the others.
 */
export function createSettleReservations(desk: Pick<BudgetDesk, 'settle'>): BudgetActivities['settleReservations'] {
  return async ({ budgets, settlement, grants = [] }) => {
    const settle = (budget: string) => {
      const grant = grants.find((each) => each.budget === budget)?.grant;
      return desk.settle(budget, { ...settlement, ...(grant !== undefined && { grant }) });
    };
    await Promise.all(budgets.map(settle));
  };
}
