import { jsonBytes } from '../json.ts';
import type { BudgetPeriod, BudgetRequest, BudgetState, ReserveVerdict, Settlement } from './budget.ts';
import { toMicro, toUsd } from './money.ts';

/** Limit for open reservations, in bytes of JSON: they are passed on in full when the budget continues in a new run. */
const maxOpenBytes = 1_000_000;

/** Money set aside for the order of a key, in micro-dollars. */
export interface Reservation {
  key: string;
  price: number;
  /** Epoch ms; determines which period the reservation belongs to. */
  at: number;
  grant: number;
}

/**
 * The books of a budget, in whole micro-dollars. `spent + reserved ≤ limit` holds at every step, except after `set`.
 */
export interface Books {
  limit: number;
  readonly period: BudgetPeriod;
  /** Epoch ms. */
  periodStart: number;
  /** Of this period, like the next three. A cost beyond what was reserved is counted in `over` instead. */
  spent: number;
  reserved: number;
  over: number;
  presumed: number;
  refused: number;
  /** Number of the last grant. */
  grants: number;
  openBytes: number;
  /** Set while the budget closes: nothing more is granted, whatever the limit. */
  isClosing?: true;
  readonly open: Map<string, Reservation>;
}

/** The books in the form in which they are passed to the next run. */
export type CarriedBooks = Omit<Books, 'open' | 'openBytes' | 'reserved'> & { open: Reservation[] };

/** The books of a new budget. */
export function openBooks({ limitUsd, period = 'total' }: BudgetRequest, now: number): Books {
  const none = { spent: 0, reserved: 0, over: 0, presumed: 0, refused: 0, grants: 0, openBytes: 0 };
  const periodStart = period === 'total' ? now : startOf(period, now);
  return { limit: toMicro(limitUsd), period, periodStart, ...none, open: new Map() };
}

/** What the next run needs. It may be of another version, so fields may be added but never changed. */
export function carryBooks({ open, openBytes: _, reserved: __, ...rest }: Books): CarriedBooks {
  return { ...rest, open: [...open.values()] };
}

/** Restores the books that an earlier run passed on. */
export function resumeBooks({ open, ...rest }: CarriedBooks): Books {
  const books: Books = { ...rest, reserved: 0, openBytes: 0, open: new Map() };
  for (const reservation of open) put(books, reservation);
  return books;
}

/** Begins a new period, with all sums at 0, when the current one is over. A clock that was set back begins none. */
export function turnPeriod(books: Books, now: number): void {
  if (books.period === 'total') return;
  const start = startOf(books.period, now);
  if (start <= books.periodStart) return;
  Object.assign(books, { periodStart: start, spent: 0, reserved: 0, over: 0, presumed: 0 });
}

/** When the next period begins, in epoch ms; undefined if never. */
export function nextPeriodAt({ period, periodStart }: Pick<Books, 'period' | 'periodStart'>): number | undefined {
  if (period === 'total') return undefined;
  const date = new Date(periodStart);
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
  return period === 'day' ? Date.UTC(year, month, day + 1) : Date.UTC(year, month + 1, 1);
}

/** Whether there is no room to store further reservations, whatever their price. */
export function areBooksFull({ openBytes }: Books): boolean {
  return openBytes >= maxOpenBytes;
}

/**
 * Sets the price of an order aside, or refuses to. If the key already has a reservation, only the price difference has
 * to fit.
 */
export function reserve(
  books: Books,
  { key, priceUsd }: { key: string; priceUsd: number },
  now: number,
): ReserveVerdict {
  turnPeriod(books, now);
  const held = books.open.get(key);
  const price = Math.max(toMicro(priceUsd), held?.price ?? 0);
  const counted = held !== undefined && held.at >= books.periodStart ? held : undefined;
  const isHeld = held !== undefined && price === held.price;
  if (!isHeld && (books.over > 0 || price - (counted?.price ?? 0) > left(books))) {
    books.refused += 1;
    return { key, granted: false, availableUsd: toUsd(availableOf(books)) };
  }
  books.grants += 1;
  const grant = books.grants;
  const at = (isHeld ? held : counted)?.at ?? Math.max(now, books.periodStart);
  if (held) remove(books, held);
  put(books, { key, price, at, grant });
  return { key, granted: true, availableUsd: toUsd(availableOf(books)), grant, ...(held && { again: true }) };
}

/** Records what became of an order. Has no effect if the key has no reservation, or one of another grant. */
export function settle(books: Books, settlement: Settlement, now: number): 'spent' | 'released' | 'kept' | 'ignored' {
  turnPeriod(books, now);
  const { key, outcome, presumedUsd, costUsd = presumedUsd, grant } = settlement;
  const held = books.open.get(key);
  if (!held || (grant !== undefined && grant !== held.grant)) return 'ignored';
  const cost = costUsd === undefined ? undefined : toMicro(costUsd);
  const presumed = presumedUsd === undefined ? undefined : toMicro(presumedUsd);
  switch (outcome) {
    case 'unknown':
      return 'kept';
    case 'cancelled':
    case 'not_submitted':
    case 'refused':
      remove(books, held);
      // Whatever the outcome is called, a billed cost is spent.
      if (cost === undefined || cost === 0) return 'released';
      spend(books, held, cost, presumed);
      return 'spent';
    case 'succeeded':
    case 'failed':
      remove(books, held);
      spend(books, held, cost, presumed);
      return 'spent';
  }
}

/** Releases a key's reservation; undefined if there is none. */
export function release(books: Books, key: string, now: number): Reservation | undefined {
  turnPeriod(books, now);
  const held = books.open.get(key);
  if (held) remove(books, held);
  return held;
}

/**
 * Sets the limit, even below what is spent. Costs counted in `over` now count as spent, since a person has looked at
 * them.
 */
export function setLimit(books: Books, limitUsd: number, now: number): void {
  turnPeriod(books, now);
  books.limit = toMicro(limitUsd);
  books.spent += books.over;
  books.over = 0;
}

/** The books as reported by query `state`. */
export function stateOf(books: Books, name: string, now: number): BudgetState {
  const { limit, period, periodStart, spent, reserved, over, presumed, refused, open, ...rest } = asOf(books, now);
  const oldest = [...open.values()].reduce((first, { at }) => Math.min(first, at), Number.POSITIVE_INFINITY);
  return {
    name,
    limitUsd: toUsd(limit),
    period,
    periodStart: new Date(periodStart).toISOString(),
    spentUsd: toUsd(spent),
    reservedUsd: toUsd(reserved),
    availableUsd: toUsd(availableOf({ ...rest, limit, spent, reserved, over })),
    overUsd: toUsd(over),
    presumedUsd: toUsd(presumed),
    open: open.size,
    ...(open.size > 0 && { oldestOpenAt: new Date(oldest).toISOString() }),
    refused,
  };
}

/** A copy of the books with the period turned if due, since a query must not change anything. */
function asOf(books: Books, now: number): Books {
  const copy = { ...books };
  turnPeriod(copy, now);
  return copy;
}

type Sums = Pick<Books, 'limit' | 'spent' | 'reserved' | 'over' | 'isClosing'>;

function left({ limit, spent, reserved, isClosing }: Omit<Sums, 'over'>): number {
  return isClosing ? 0 : Math.max(0, limit - spent - reserved);
}

function availableOf(sums: Sums): number {
  return sums.over > 0 ? 0 : left(sums);
}

function put(books: Books, reservation: Reservation): void {
  books.open.set(reservation.key, reservation);
  books.openBytes += jsonBytes(reservation);
  if (reservation.at >= books.periodStart) books.reserved += reservation.price;
}

function remove(books: Books, reservation: Reservation): void {
  books.open.delete(reservation.key);
  books.openBytes -= jsonBytes(reservation);
  if (reservation.at >= books.periodStart) books.reserved -= reservation.price;
}

/**
 * Counts a reservation as spent. Without a cost, its price is presumed. Only a known cost can exceed the price. The
 * cost of a reservation from a former period belongs to that period.
 */
function spend(books: Books, { price, at }: Reservation, cost: number | undefined, presumed = 0): void {
  if (at < books.periodStart) return;
  const known = Math.max(0, (cost ?? 0) - presumed);
  const spent = Math.min(price, cost ?? price);
  books.spent += spent;
  books.over += Math.max(0, known - price);
  books.presumed += spent - Math.min(price, known);
}

function startOf(period: 'day' | 'month', now: number): number {
  const date = new Date(now);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), period === 'day' ? date.getUTCDate() : 1);
}
