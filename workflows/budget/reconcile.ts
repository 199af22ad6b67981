import { condition, log, patched } from '@temporalio/workflow';
import { settle } from '../../domain/budget/books.ts';
import { oldReservations } from '../../domain/budget/look-up.ts';
import { reconciles } from '../activity-options.ts';
import { readActivityError } from '../generation/activity-error.ts';
import { type Budget, isContinueDue, readPresumed } from './memory.ts';
import { showSettled } from './visibility.ts';

/** How many are asked about in one activity. */
const atOnce = 50;

/** Looks up what became of old reservations whose orders have not told themselves, until the budget is closed. */
export async function lookUpOld(budget: Budget): Promise<void> {
  const look = { isOver: false };
  const looking = lookUpAll(budget).finally(() => (look.isOver = true));
  await Promise.race([looking, condition(() => budget.isClosed || look.isOver)]);
  // Whoever closed it was answered: a budget of its name may be created now.
  if (budget.isClosed && !look.isOver && patched('closing-waits-for-no-look-up')) return;
  await looking;
}

/** What follows an answer must follow it at once: an order that is answered in the same task is answered after it. */
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

/** The budget ends, or goes on in a new run, which looks up the rest; but for one part of them at least there is always time. */
function isNextDue(budget: Budget, from: number): boolean {
  return budget.isClosed || (from > 0 && isContinueDue(budget) && patched('long-look-ups-let-budgets-continue'));
}
