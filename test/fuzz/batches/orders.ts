import type { BatchDeps, ItemOrders } from '../../../activities/batch/batch-deps.ts';
import type { BatchItem, BatchLine } from '../../../domain/batch/batch.ts';
import type { ItemEnd } from '../../../domain/batch/item-end.ts';
import type { ItemMark } from '../../../domain/batch/item-order.ts';
import { isUnbilled } from '../../../domain/failure-details.ts';
import type { GenerationRequest } from '../../../domain/generation.ts';
import type { VirtualTime } from '../pipelines/virtual-time.ts';
import type { BatchScript, WallScript } from './script.ts';

export const priceUsd = 0.01;

/** The order of one item, all tries of it. */
interface OrderOfItem {
  mark: ItemMark;
  /** How often RunComfy accepted it. */
  accepted: number;
  end: ItemEnd | undefined;
  closedAt?: Date;
  costUsd: number;
}

/** What RunComfy, the wallet and Temporal hold of a random batch. */
export interface Outside {
  orders: Map<string, OrderOfItem>;
  pages: { items: Map<number, BatchItem[]>; lines: Map<number, BatchLine[]> };
  /** Pages that were written again with other lines. */
  rewritten: number[];
  wall: WallScript['type'] | undefined;
  /** The walls that orders have met. */
  met: Set<WallScript['type']>;
  /** What a worker has to reach them, until it dies. */
  depsOf: (worker: { stopping: AbortSignal; dead: AbortSignal }) => BatchDeps;
}

/** Orders and pages of a random batch, on its clock. */
export function createOutside(script: BatchScript, time: VirtualTime): Outside {
  const waiters = new Map<string, ((end: ItemEnd) => void)[]>();
  const walls = [...script.walls];
  let ordered = 0;
  const outside: Outside = {
    orders: new Map(),
    pages: { items: new Map(), lines: new Map() },
    rewritten: [],
    wall: undefined,
    met: new Set(),
    depsOf: ({ stopping, dead }) => ({
      orders: withLife(generations, dead),
      pipelines: none,
      pages: {
        readItems: (_key, page) => lives(dead, () => outside.pages.items.get(page)),
        write: (_key, page, content) =>
          lives(dead, () => {
            if ('items' in content) return writeOnce(outside.pages.items, page, content.items);
            const isNew = writeOnce(outside.pages.lines, page, content.lines);
            const isSame = JSON.stringify(outside.pages.lines.get(page)) === JSON.stringify(content.lines);
            if (!isNew && !isSame) outside.rewritten.push(page);
            return isNew;
          }),
      },
      lookup: {},
      searchAttributes: () => [],
      stopping,
      refusalAfter: () => (outside.wall === 'Unauthenticated' ? 'refused' : undefined),
    }),
  };

  const end = (key: string, how: ItemEnd, costUsd = 0) => {
    const order = outside.orders.get(key);
    if (!order || order.end) return;
    order.end = how;
    order.closedAt = new Date(time.now);
    order.costUsd += costUsd;
    for (const tell of waiters.get(key) ?? []) tell(how);
    waiters.delete(key);
  };
  const submit = (key: string) => {
    const order = outside.orders.get(key);
    if (!order || order.end) return;
    const number = ordered++;
    const at = walls.findIndex((wall) => wall.order <= number);
    if (at >= 0) outside.wall ??= walls.splice(at, 1)[0]?.type;
    if (outside.wall !== undefined) {
      outside.met.add(outside.wall);
      end(key, failed(outside.wall, 'not_sent'));
      return;
    }
    order.accepted += 1;
    const fate = script.fates[order.mark.index % script.fates.length] ?? 'succeeds';
    const workMs = fate === 'hangs' ? 90_000 : 500 + time.random() * (script.longestWorkMs ?? 5_000);
    time.after(workMs, () => {
      if (fate === 'fails') end(key, failed('GenerationFailed', 'accepted', 0));
      else if (fate === 'is unknown') end(key, failed('SubmitOutcomeUnknown', 'unknown'), priceUsd);
      else end(key, { result: { requestId: key, costUsd: priceUsd } }, priceUsd);
    });
  };
  const generations: ItemOrders<Partial<GenerationRequest>> = {
    start: (_order, { key, mark, again }) => {
      const known = outside.orders.get(key);
      const isAnew = again && known?.end !== undefined && isFree(known.end);
      if (known && !isAnew) {
        if (known.mark.run !== mark.run) return Promise.resolve({ isStarted: true, attached: true });
        return Promise.resolve({ isStarted: true, ...(known.mark.index !== mark.index && { isRepeat: true }) });
      }
      const { accepted = 0, costUsd = 0 } = known ?? {};
      outside.orders.set(key, { mark, accepted, costUsd, end: undefined });
      time.after(time.random() * 200, () => {
        submit(key);
      });
      return Promise.resolve({ isStarted: true });
    },
    follow: (key, signal) =>
      new Promise((resolve, reject) => {
        const known = outside.orders.get(key)?.end;
        if (known) resolve(known);
        else waiters.set(key, [...(waiters.get(key) ?? []), resolve]);
        const stop = () => {
          reject(signal.reason as Error);
        };
        if (signal.aborted) stop();
        signal.addEventListener('abort', stop);
      }),
    closedAt: (key) => Promise.resolve(outside.orders.get(key)?.closedAt),
    cancel: (key) => {
      const order = outside.orders.get(key);
      if (!order || order.end) return Promise.resolve('too_late');
      if (order.accepted > 0 && time.random() < 0.5) return Promise.resolve('not_cancellable');
      const outcome = order.accepted > 0 ? 'cancelled' : 'not_submitted';
      end(key, failed('GenerationCancelled', order.accepted > 0 ? 'accepted' : 'not_sent', 0));
      return Promise.resolve(outcome);
    },
    wasStarted: (key, mark) => {
      const order = outside.orders.get(key);
      const isOurs = order?.mark.run === mark.run && order.mark.index === mark.index;
      return Promise.resolve(isOurs && !(order.end && isFree(order.end)));
    },
  };
  return outside;
}

function isFree(end: ItemEnd): boolean {
  return 'failure' in end && isUnbilled(end.failure.error.submission);
}

function failed(type: string, submission: 'not_sent' | 'accepted' | 'unknown', costUsd?: number): ItemEnd {
  const error = { type: type as 'GenerationFailed', message: type, submission };
  const isOfBudget = type === 'BudgetExceeded';
  return { failure: { error, ...(costUsd !== undefined && { costUsd }), ...(isOfBudget && { budget: 'team' }) } };
}

function writeOnce<T>(pages: Map<number, T>, page: number, content: T): boolean {
  if (pages.has(page)) return false;
  pages.set(page, content);
  return true;
}

/** A dead worker does nothing more. */
function lives<T>(dead: AbortSignal, run: () => T): Promise<T> {
  return dead.aborted ? Promise.reject(new Error('the worker is dead')) : Promise.resolve(run());
}

function withLife(orders: ItemOrders<Partial<GenerationRequest>>, dead: AbortSignal): typeof orders {
  const alive = <T>(run: () => Promise<T>) => lives(dead, run).then((answer) => answer);
  return {
    start: (order, place) => alive(() => orders.start(order, place)),
    follow: (key, signal) => alive(() => orders.follow(key, signal)),
    closedAt: (key) => alive(() => orders.closedAt(key)),
    cancel: (key, reason, timeoutMs) => alive(() => orders.cancel(key, reason, timeoutMs)),
    wasStarted: (key, mark) => alive(() => orders.wasStarted(key, mark)),
  };
}

const refuse = () => Promise.reject(new Error('a batch of generations has no pipelines'));
const none: BatchDeps['pipelines'] = {
  start: refuse,
  follow: refuse,
  closedAt: refuse,
  cancel: refuse,
  wasStarted: refuse,
};
