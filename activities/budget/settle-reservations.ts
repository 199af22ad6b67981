import type { BudgetActivities } from '../../domain/budget/budget.ts';
import type { BudgetDesk } from './budget-desk.ts';

/** Tells each budget of an order what it came to; what one does not take is told again, which changes nothing elsewhere. */
export function createSettleReservations(desk: Pick<BudgetDesk, 'settle'>): BudgetActivities['settleReservations'] {
  return async ({ budgets, settlement, grants = [] }) => {
    const settle = (budget: string) => {
      const grant = grants.find((each) => each.budget === budget)?.grant;
      return desk.settle(budget, { ...settlement, ...(grant !== undefined && { grant }) });
    };
    await Promise.all(budgets.map(settle));
  };
}
