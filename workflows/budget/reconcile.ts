import { log } from '@temporalio/workflow';
import { type Reservation, settle } from '../../domain/budget/books.ts';
import { reconciles } from '../activity-options.ts';
import { readActivityError } from '../generation/activity-error.ts';
import type { Budget } from './memory.ts';
import { show } from './visibility.ts';

/** An order mostly ends within minutes, and tells so itself: what is older may have lost who would have told. */
const oldMs = 10 * 60_000;
const everyMs = 5 * 60_000;
const atOnce = 50;

/** When old reservations are to be looked up next, epoch ms; undefined: there are none. */
export function nextLookUpAt({ books, lookedUpAt }: Budget): number | undefined {
  const [oldest] = byAge(books.open.values());
  return oldest && Math.max(lookedUpAt + everyMs, oldest.at + oldMs);
}

/** Looks up what became of old reservations whose orders have not told themselves. */
export async function lookUpOld(budget: Budget): Promise<void> {
  const { books } = budget;
  const now = Date.now();
  budget.lookedUpAt = now;
  const old = byAge(books.open.values()).filter(({ at }) => at + oldMs <= now);
  for (let from = 0; from < old.length && !budget.isClosed; from += atOnce) {
    const reservations = old.slice(from, from + atOnce).map(({ key, grant }) => ({ key, grant }));
    try {
      const { settlements } = await reconciles.reconcileReservations({ reservations });
      for (const settlement of settlements) settle(books, settlement, Date.now());
    } catch (error) {
      log.warn('old reservations could not be looked up', { reason: readActivityError(error).message });
    }
  }
  show(budget);
}

function byAge(open: Iterable<Reservation>): Reservation[] {
  return [...open].sort((a, b) => a.at - b.at || a.grant - b.grant);
}
