import { condition, log, patched } from '@temporalio/workflow';
import { settle } from '../../domain/budget/books.ts';
import { oldReservations } from '../../domain/budget/look-up.ts';
import { reconciles } from '../activity-options.ts';
import { readActivityError } from '../generation/activity-error.ts';
import { type Budget, isContinueDue, readPresumed } from './memory.ts';
import { showSettled } from './visibility.ts';

/** Reservations per activity. */
const atOnce = 50;

/** Looks up what became of old reservations whose orders have not reported, until the budget is closed. */
export async function lookUpOld(budget: Budget): Promise<void> {
  const look = { isOver: false };
  const looking = lookUpAll(budget).finally(() => (look.isOver = true));
  await Promise.race([looking, condition(() => budget.isClosed || look.isOver)]);
  // The caller that closed it has got its answer: a budget of this name may be created now.
  if (budget.isClosed && !look.isOver && patched('closing-waits-for-no-look-up')) return;
  await looking;
}

/** Each answer is handled right away, in the same task: an order that is answered in that task comes after it. */
async function lookUpAll(budget: Budget): Promise<void> {
  const { books } = budget;
  const now = Date.now();
  const openBefore = books.open.size;
  budget.lookedUpAt = now;
  const old = oldReservations(books, now);
  for (let from = 0; from < old.length && !isNextDue(budget, from); from += atOnce) {
    const reservations = old
      .slice(from, from + atOnce)
      .map(({ key, grant, at: reservedAt }) => ({ key, grant, reservedAt }));
    try {
      const { settlements } = await reconciles.reconcileReservations({ reservations });
      for (const settlement of readPresumed(settlements)) settle(books, settlement, Date.now());
    } catch (error) {
      log.warn('old reservations could not be looked up', { reason: readActivityError(error).message });
    }
  }
  showSettled(budget, openBefore);
}

/**
 * Whether to stop: the budget ends, or continues in a new run, which looks up the rest. There is always time for at
 * least one part.
 */
function isNextDue(budget: Budget, from: number): boolean {
  return budget.isClosed || (from > 0 && isContinueDue(budget) && patched('long-look-ups-let-budgets-continue'));
}
