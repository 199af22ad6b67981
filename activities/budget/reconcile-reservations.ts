import { log } from '@temporalio/activity';
import type { BudgetActivities, ReconcileQuestion, Settlement } from '../../domain/budget/budget.ts';
import { messageOf } from '../../domain/text.ts';
import type { LookedUpOrders } from './budget-desk.ts';

/** Number of reservations looked up at a time: fifty describes at once would slow others down. */
const atOnce = 10;

/** Looks up what became of old reservations. Leaves out those that cannot be looked up now or are still under way. */
export function createReconcileReservations({
  settlementOf,
}: LookedUpOrders): BudgetActivities['reconcileReservations'] {
  return async ({ reservations }) => {
    const settlements: Settlement[] = [];
    const lookUp = async ({ key, grant, reservedAt }: ReconcileQuestion['reservations'][number]) => {
      try {
        const settlement = await settlementOf(key, reservedAt);
        // Settles this grant only: the order may have been sent anew while it was looked up.
        if (settlement !== 'open') settlements.push({ ...settlement, grant });
      } catch (error) {
        log.warn('what became of a reservation could not be looked up', { key, reason: messageOf(error) });
      }
    };
    for (let from = 0; from < reservations.length; from += atOnce) {
      await Promise.all(reservations.slice(from, from + atOnce).map(lookUp));
    }
    return { settlements };
  };
}
