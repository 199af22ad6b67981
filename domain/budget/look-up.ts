import type { Books, Reservation } from './books.ts';

/**
 * Age at which a reservation is looked up. Most orders end within minutes and settle it themselves; for an older one,
 * whatever would have settled it may be lost.
 */
const oldMs = 10 * 60_000;
/** Shortest time between two look-ups. */
const everyMs = 5 * 60_000;

/** When old reservations are to be looked up next, in epoch ms; undefined if there are no reservations. */
export function nextLookUpAt(books: Pick<Books, 'open'>, lookedUpAt: number): number | undefined {
  const [oldest] = byAge(books);
  return oldest && Math.max(lookedUpAt + everyMs, oldest.at + oldMs);
}

/** The reservations old enough to be looked up, oldest first. */
export function oldReservations(books: Pick<Books, 'open'>, now: number): Reservation[] {
  return byAge(books).filter(({ at }) => at + oldMs <= now);
}

function byAge({ open }: Pick<Books, 'open'>): Reservation[] {
  return [...open.values()].sort((a, b) => a.at - b.at || a.grant - b.grant);
}
