import type { Books, Reservation } from './books.ts';

/** An order mostly ends within minutes, and tells so itself: what is older may have lost who would have told. */
const oldMs = 10 * 60_000;
const everyMs = 5 * 60_000;

/** When old reservations are to be looked up next, epoch ms; undefined: there are none. */
export function nextLookUpAt(books: Pick<Books, 'open'>, lookedUpAt: number): number | undefined {
  const [oldest] = byAge(books);
  return oldest && Math.max(lookedUpAt + everyMs, oldest.at + oldMs);
}

/** The reservations that are old by now, the oldest first. */
export function oldReservations(books: Pick<Books, 'open'>, now: number): Reservation[] {
  return byAge(books).filter(({ at }) => at + oldMs <= now);
}

function byAge({ open }: Pick<Books, 'open'>): Reservation[] {
  return [...open.values()].sort((a, b) => a.at - b.at || a.grant - b.grant);
}
