import { jsonBytes, withoutUndefined } from '../json.ts';
import type { EndedItem, OpenItem, PaidItems, WindowAnswer, WindowQuestion, WindowStop } from './batch-activities.ts';
import { failuresInARowAfter } from './batch-line.ts';
import type { PaidBefore } from './item-end.ts';

/** A window returns once it has this many lines. */
const maxLines = 250;
/** A window returns once its lines have this many bytes of JSON. */
const maxLineBytes = 256 * 1024;
/**
 * A window also returns at this many lines, or at as many as may be in flight if that is more, so that counts stay
 * fresh. This costs a seventh of a history event per item, and each item in flight is resumed once on average.
 */
const linesWorthTelling = 50;

/** The state of one attempt of a window, which starts from nothing but its argument. */
export interface BatchWindow {
  readonly question: WindowQuestion;
  readonly open: Map<number, OpenItem>;
  readonly ended: EndedItem[];
  readonly givenBack: Set<number>;
  /** What items cost before they were given back, in micro-dollars. */
  readonly paid: Map<number, number>;
  /** The presumed part of `paid`. */
  readonly presumedPaid: Map<number, number>;
  paidMore: number;
  presumedMore: number;
  cursor: number;
  /** Items that this attempt has started. */
  started: number;
  failuresInARow: number;
  /** In micro-dollars. */
  spent: number;
  bytes: number;
  stop: WindowStop | undefined;
  /** Some of the doubtful items have not been looked up yet. */
  isInDoubt: boolean;
}

/** The state of a window at its start. */
export function openWindow(question: WindowQuestion): BatchWindow {
  return {
    question,
    open: new Map(question.open.map((item) => [item.index, item])),
    ended: [],
    givenBack: new Set(question.givenBack),
    paid: mapOf(question.paid),
    presumedPaid: mapOf(question.presumedPaid),
    paidMore: 0,
    presumedMore: 0,
    cursor: question.cursor,
    started: 0,
    failuresInARow: question.failuresInARow,
    spent: question.spent,
    bytes: 0,
    stop: undefined,
    isInDoubt: question.doubtful !== undefined,
  };
}

/** The most items that the attempts of one window start; bounds the search for what a lost window started. */
export function mostStartedBy(window: number): number {
  return window + maxLines;
}

/** Whether an item is waiting that this window may start, now or later. */
export function isAnyWaiting({ question, givenBack, cursor }: BatchWindow): boolean {
  return question.mayStart && (givenBack.size > 0 || cursor < question.total);
}

/** Whether the window has as many lines as an answer holds. What ends from now on is left to the next window. */
export function isFull({ ended, bytes }: BatchWindow): boolean {
  return ended.length >= maxLines || bytes >= maxLineBytes;
}

/** The item to start next; undefined if none may be started now. */
export function nextToStart(window: BatchWindow): number | undefined {
  const { question, open, givenBack, cursor, started, stop } = window;
  if (!question.mayStart || stop || open.size >= question.window) return undefined;
  if (isFull(window) || started >= mostStartedBy(question.window)) return undefined;
  // While an item of unknown price is in flight, it is unknown how much of the limit is left.
  if (question.maxCost !== undefined && [...open.values()].some(({ price }) => price === undefined)) return undefined;
  const [first] = givenBack;
  if (first !== undefined) return first;
  return cursor < question.total ? cursor : undefined;
}

/** Why an item of this price (in micro-dollars, undefined if unknown) cannot be started now. */
export function barrierTo(
  { question, open, spent }: BatchWindow,
  price: number | undefined,
): 'max_cost' | 'price_unknown' | undefined {
  const { maxCost } = question;
  if (maxCost === undefined) return undefined;
  if (price === undefined) return 'price_unknown';
  const reserved = [...open.values()].reduce((sum, item) => sum + (item.price ?? 0), 0);
  return spent + reserved + price > maxCost ? 'max_cost' : undefined;
}

/** Records that an item is in flight. */
export function beginItem(window: BatchWindow, item: OpenItem): void {
  take(window, item.index);
  window.started += 1;
  window.open.set(item.index, item);
}

/**
 * Records which of the doubtful items are in flight. Items before them that turn out not to have been started go first.
 */
export function takeUpItems(window: BatchWindow, found: readonly OpenItem[]): void {
  for (const item of found) {
    window.givenBack.delete(item.index);
    window.open.set(item.index, item);
  }
  const end = Math.max(window.cursor, ...found.map(({ index }) => index + 1));
  for (let index = window.cursor; index < end; index += 1) {
    if (!window.open.has(index)) window.givenBack.add(index);
  }
  window.cursor = end;
  window.isInDoubt = false;
}

/** Records that an item has ended, either in flight or before it was started. */
export function endItem(window: BatchWindow, given: EndedItem): void {
  const ended = withoutPaid(window, given);
  window.paid.delete(ended.index);
  window.presumedPaid.delete(ended.index);
  take(window, ended.index);
  window.open.delete(ended.index);
  window.ended.push(ended);
  window.bytes += jsonBytes(ended.line);
  window.spent += ended.cost;
  window.failuresInARow = failuresInARowAfter(window.failuresInARow, ended.line);
  const { pauseAfterFailures } = window.question;
  if (pauseAfterFailures > 0 && window.failuresInARow >= pauseAfterFailures) {
    const message = `${String(window.failuresInARow)} failures in a row; the last: ${ended.line.error?.message ?? ''}`;
    window.stop ??= { reason: 'failures', message };
  }
}

/**
 * Records that an item met a wall and waits again. With `stop`, nothing more is started. `cost` is what the item has
 * cost so far and `presumed` the presumed part of it, both in micro-dollars.
 */
export function giveItemBack(
  window: BatchWindow,
  index: number,
  stop: WindowStop | undefined,
  cost = 0,
  presumed = 0,
): void {
  const more = notCounted(window, index, cost, presumed);
  if (more.cost > 0) {
    window.paid.set(index, cost);
    window.paidMore += more.cost;
    window.spent += more.cost;
  }
  if (more.presumed > 0) {
    window.presumedPaid.set(index, presumed);
    window.presumedMore += more.presumed;
  }
  window.open.delete(index);
  window.givenBack.add(index);
  window.stop ??= stop;
}

/** What an item cost before it was given back, if there is anything to report. */
export function paidBefore({ paid, presumedPaid }: BatchWindow, index: number): PaidBefore {
  return withoutUndefined({ paid: paid.get(index), presumedPaid: presumedPaid.get(index) });
}

/** Whether the window has to return now. */
export function isWindowOver(window: BatchWindow): boolean {
  if (isFull(window) || window.ended.length >= Math.max(linesWorthTelling, window.question.window)) return true;
  // A wall is reported at once, so that whoever can fix it learns of it.
  if (window.stop && window.question.mayStart) return true;
  return window.open.size === 0 && nextToStart(window) === undefined;
}

/** The window's answer. */
export function answerOf(window: BatchWindow, attempt: number): WindowAnswer {
  const { question, ended, open, givenBack, paid, presumedPaid, cursor, stop, isInDoubt } = window;
  const told = { ended, open: [...open.values()], givenBack: [...givenBack], cursor };
  return withoutUndefined({
    ...told,
    paid: paid.size > 0 ? Object.fromEntries(paid) : undefined,
    presumedPaid: presumedPaid.size > 0 ? Object.fromEntries(presumedPaid) : undefined,
    paidMore: window.paidMore || undefined,
    presumedMore: window.presumedMore || undefined,
    stop,
    isInDoubt: question.doubtful && isInDoubt,
    isFirstAttempt: attempt === 1,
  });
}

/** Leaves out the cost that was already counted when the item was given back. */
function withoutPaid(window: BatchWindow, ended: EndedItem): EndedItem {
  const { index, presumed, known = 0 } = ended;
  if (!window.paid.has(index)) return ended;
  const more = notCounted(window, index, ended.cost, presumed ? ended.cost - known : 0);
  return { ...ended, cost: more.cost, ...(presumed && { known: more.cost - more.presumed }) };
}

/** What an item costs beyond what has been counted. Earlier versions counted presumed costs as known. */
function notCounted({ paid, presumedPaid }: BatchWindow, index: number, cost: number, presumed: number) {
  const more = Math.max(0, cost - (paid.get(index) ?? 0));
  const morePresumed = Math.max(0, presumed - (presumedPaid.get(index) ?? 0));
  return { cost: more, presumed: Math.min(more, morePresumed) };
}

function mapOf(items: PaidItems = {}): Map<number, number> {
  return new Map(Object.entries(items).map(([index, cost]) => [Number(index), cost]));
}

function take(window: BatchWindow, index: number): void {
  window.givenBack.delete(index);
  if (index === window.cursor) window.cursor += 1;
}
