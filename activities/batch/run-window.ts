import { setMaxListeners } from 'node:events';
import { activityInfo, cancellationSignal } from '@temporalio/activity';
import { joinSignals } from '../../abort-signals/join-signals.ts';
import type { BatchActivities, OpenItem, WindowQuestion } from '../../domain/batch/batch-activities.ts';
import {
  answerOf,
  barrierTo,
  type BatchWindow,
  beginItem,
  endItem,
  giveItemBack,
  isAnyWaiting,
  isFull,
  isWindowOver,
  nextToStart,
  openWindow,
  paidBefore,
  takeUpItems,
} from '../../domain/batch/batch-window.ts';
import { batchDefaults } from '../../domain/batch/batch.ts';
import { type ItemEnd, type ItemFailure, withPaid } from '../../domain/batch/item-end.ts';
import { toMicro } from '../../domain/budget/money.ts';
import { inParts } from '../pipeline/in-parts.ts';
import { withHeartbeats } from '../pipeline/with-heartbeats.ts';
import type { BatchDeps } from './batch-deps.ts';
import { endOfItem, letGoOfItem, wallOf } from './end-of-item.ts';
import { createItemReader, type ItemToOrder } from './item-reader.ts';
import { writeLinePages } from './line-pages.ts';
import { ordersOfBatch } from './orders-of-batch.ts';

/** Interval of heartbeats, in milliseconds: only their replies tell an attempt that it is called back. */
const heartbeatEveryMs = 1_000;

/**
 * Interval of checking the token, in milliseconds: while the window is full nothing is sent that could be refused, and
 * only reads reveal that the token is.
 */
const tokenEveryMs = 1_000;

/** Keeps the window of a batch full for a while. It knows only its argument, so a lost attempt is simply repeated. */
export function createRunWindow(deps: BatchDeps): BatchActivities['runWindow'] {
  return (question) => withHeartbeats(() => runWindow(deps, question), heartbeatEveryMs);
}

async function runWindow(deps: BatchDeps, question: WindowQuestion) {
  const { attempt, scheduledTimestampMs } = activityInfo();
  const openedAt = performance.now();
  const window = openWindow(question);
  const readItem = createItemReader(deps, { ...question, hasPlan: question.plan !== undefined });
  const orders = ordersOfBatch(deps, question);
  const news = createNews();
  const stop = new AbortController();
  // There is one listener per item in flight.
  setMaxListeners(0, stop.signal);
  const over = joinSignals([cancellationSignal(), deps.stopping, stop.signal], question.lastsMs);
  over.addEventListener('abort', news.tell);
  const lives = new Set<Promise<void>>();
  const faults: unknown[] = [];
  /**
   * Without the catalogue no price is known. This window then only follows the open items, and the next one asks again.
   */
  const catalogue = { isAway: false };
  const live = (life: Promise<void>) => {
    const settled = life
      .catch((error: unknown) => {
        if (error !== stop.signal.reason || !stop.signal.aborted) faults.push(error);
      })
      .finally(() => {
        lives.delete(settled);
        news.tell();
      });
    lives.add(settled);
  };

  const markOf = ({ index }: OpenItem) => ({ run: question.firstRunId, index });
  const follow = async (open: OpenItem, refusal?: ItemFailure) => {
    const item = await readItem(open.index);
    const end = await orders.follow(item.key, stop.signal);
    const wall = wallOf(end);
    const closedAt = wall && (await orders.closedAt(item.key));
    settle(window, open, item, end, {
      isWallNews: closedAt === undefined || closedAt.getTime() >= scheduledTimestampMs,
      refusal,
    });
  };
  /**
   * Whether an item that is not ordered now was ordered before: by a window that was lost or gave it back, or by an
   * earlier run of the batch. That order is then followed.
   */
  const wasOrdered = async (open: OpenItem, item: ItemToOrder): Promise<boolean> => {
    const made = item.problem === undefined && (await orders.wasStarted(item, markOf(open)));
    if (made === 'before') open.attached = true;
    return made !== false;
  };
  const start = async (open: OpenItem, item: ItemToOrder, again: boolean) => {
    const place = {
      key: item.key,
      mark: markOf(open),
      again,
      before: paidBefore(window, open.index),
      priority: { priorityKey: batchDefaults.priority, ...question.priority },
      labels: question.labels,
    };
    const started = await orders.start(item.item, place);
    if ('failure' in started) {
      // Reported even if the window is full: the key may hold another order, which is not to be waited for.
      if (await wasOrdered(open, item)) await follow(open, started.failure);
      else tellEnd(window, open, item, started);
      return;
    }
    if (started.attached) open.attached = true;
    if (started.isRepeat) open.isRepeat = true;
    await follow(open);
  };
  const refuse = async (open: OpenItem, item: ItemToOrder, failure: ItemFailure) => {
    if (await wasOrdered(open, item)) {
      beginItem(window, open);
      live(follow(open, failure));
    } else tellEnd(window, open, item, { failure });
  };
  /** Starts the next item. False if there is none, or something prevents it. */
  const startNext = async (): Promise<boolean> => {
    const index = nextToStart(window);
    if (index === undefined) return false;
    const item = await readItem(index);
    const check = await orders.check(item);
    if (check === 'unavailable') {
      catalogue.isAway = true;
      return false;
    }
    if ('failure' in check) {
      await refuse({ index }, item, check.failure);
      return true;
    }
    const { price } = check;
    const barrier = barrierTo(window, price);
    if (barrier === 'max_cost') {
      const message = `${item.id} could take the cost above the limit`;
      window.stop = { reason: 'max_cost', message };
      return false;
    }
    const open: OpenItem = { index, ...(price !== undefined && { price }) };
    if (barrier === 'price_unknown') {
      const message = `what it costs cannot be known, and the batch has a limit: give maxPriceUsd`;
      await refuse(open, item, { error: { type: 'PriceUnknown', message, submission: 'not_sent' } });
      return true;
    }
    const again = window.givenBack.has(index);
    beginItem(window, open);
    live(start(open, item, again));
    return true;
  };

  /** Looks for items that a lost window started. If this window starts nothing, nothing else would find them. */
  const takeUpLost = async (doubtful: readonly number[]) => {
    const isCalledBack = () => cancellationSignal().aborted || deps.stopping.aborted;
    const ask = async (index: number): Promise<OpenItem[]> => {
      if (isCalledBack()) return [];
      const item = await readItem(index);
      const open: OpenItem = { index };
      if (!(await wasOrdered(open, item))) return [];
      const check = await orders.check(item);
      // If followed without its price, it would leave room under the limit for others.
      if (check === 'unavailable') catalogue.isAway = true;
      return check === 'unavailable' ? [] : [{ ...open, ...('price' in check && { price: check.price }) }];
    };
    const found = (await inParts(doubtful, ask)).flat();
    if (isCalledBack() || catalogue.isAway) return;
    takeUpItems(window, found);
    for (const open of found) live(follow(open));
  };

  const watching = setInterval(() => {
    // Only refusals since the window was opened: whoever renewed the token has resumed the batch, and the old one no
    // longer matters.
    const message = isAnyWaiting(window) ? deps.refusalAfter(openedAt) : undefined;
    if (message === undefined) return;
    window.stop ??= { reason: 'unauthenticated', message };
    news.tell();
  }, tokenEveryMs);
  try {
    await writeLinePages(deps.pages, question.key, question.write);
    for (const open of question.open) live(follow(open));
    if (question.doubtful) await takeUpLost(question.doubtful);
    for (;;) {
      while (!over.aborted && !catalogue.isAway && (await startNext()));
      if (faults.length > 0) throw faults[0];
      // Doubtful items that could not be looked up are left to the next window, which comes in a while.
      const isOver = isWindowOver(window) && !(window.isInDoubt && catalogue.isAway);
      if (over.aborted || isOver) break;
      await news.next();
    }
  } finally {
    clearInterval(watching);
    stop.abort();
    await Promise.all(lives);
  }
  if (faults.length > 0) throw faults[0];
  // Items that do not fit into the answer may have ended; the next window hears of them.
  for (const open of question.isLetGo ? [...window.open.values()] : []) {
    if (isFull(window)) break;
    tellEnd(window, open, await readItem(open.index), letGoOfItem(open, question));
  }
  return answerOf(window, attempt);
}

/**
 * Handles the end of an order that was followed. A wall that it met before this window was asked for may be gone, e.g.
 * after a `resume`; the item is ordered again and then shows what is true now. Many orders may end before a full window
 * returns, more than Temporal accepts in one answer: those stay in flight, and the next window hears of them at once.
 */
function settle(
  window: BatchWindow,
  open: OpenItem,
  names: ItemToOrder,
  end: ItemEnd,
  { isWallNews, refusal }: { isWallNews: boolean; refusal: ItemFailure | undefined },
): void {
  const wall = wallOf(end);
  // An item is not ordered again if everything is cancelled, or if the order would be refused.
  if (wall && open.cancel === undefined && refusal === undefined) {
    const whole = withPaid(end, paidBefore(window, open.index));
    const { costUsd = 0, presumedUsd = 0 } = 'failure' in whole ? whole.failure : {};
    const presumed = open.isRepeat ? 0 : toMicro(presumedUsd);
    const cost = open.isRepeat ? 0 : toMicro(costUsd) + presumed;
    giveItemBack(window, open.index, isWallNews ? wall : undefined, cost, presumed);
  } else if (!isFull(window)) tellEnd(window, open, names, wall && refusal ? notAgain(end, refusal) : end);
}

function tellEnd(window: BatchWindow, open: OpenItem, names: ItemToOrder, end: ItemEnd): void {
  endItem(window, endOfItem(open, names, end, paidBefore(window, open.index)));
}

/** Adds why the item was not tried again, for the person who has removed the wall. */
function notAgain(end: ItemEnd, { error: { message } }: ItemFailure): ItemEnd {
  if (!('failure' in end)) return end;
  const { failure } = end;
  return {
    failure: {
      ...failure,
      error: { ...failure.error, message: `${failure.error.message}; not run again: ${message}` },
    },
  };
}

/** Wakes the waiting loop, even if the news came before it waited. */
function createNews() {
  let isTold = false;
  let wake: (() => void) | undefined;
  return {
    tell: () => {
      isTold = true;
      wake?.();
    },
    async next() {
      if (!isTold) await new Promise<void>((resolve) => (wake = resolve));
      isTold = false;
      wake = undefined;
    },
  };
}
