import { LRUCache } from 'lru-cache';
import { isGenerationError } from '../../client/index.ts';
import { type Principal, workflowIdOf } from '../access/principal.ts';
import { uuidOf } from './key-of.ts';
import { orderDigest } from './order-digest.ts';
import type { GenerationReader } from './read-generations.ts';

const maxKept = 10_000;

/**
 * Longer than the checks of an order and its start take: afterwards it can be found in Temporal, or was never started.
 */
const onItsWayMs = 60_000;

/** The most by which the clocks of gateways differ. */
const clocksApartMs = 60_000;

/** Notice to a caller who repeated an equal order. */
export const dedupedNotice = 'deduplicated by body';

/** An order that came without a key. */
export interface KeylessOrder {
  principal: Principal;
  model: string;
  input: Record<string, unknown>;
}

/** The keys that equal orders of a tenant share. */
export interface DedupedKeys {
  /**
   * The key for an order: that of an equal order that began less than one window ago, looked for in the previous
   * window, and also in the next one if another gateway's clock may have reached it. Else the key just given to an
   * equal order, which may still be on its way to Temporal. Else the key of the current window.
   */
  keyFor: (order: KeylessOrder, windowMs: number) => Promise<string>;
}

interface FoundKey {
  key: string;
  /** Its order was found in Temporal, and began less than one window ago. */
  stands: boolean;
}

/** Derives keys from orders, so that every gateway gets the same, and remembers those it has just given out. */
export function createDedupedKeys({ read }: Pick<GenerationReader, 'read'>): DedupedKeys {
  // An order that is on its way when its window ends cannot be found yet by a repetition in the next window.
  const given = new LRUCache<string, Promise<FoundKey>>({ max: maxKept });

  const find = async (order: KeylessOrder, windowMs: number, remembered?: string): Promise<FoundKey> => {
    const { principal, model, input } = order;
    const now = Date.now();
    const windowAt = Math.floor(now / windowMs);
    const keyAt = (at: number) => uuidOf(orderDigest(principal.tenant, model, input, at));
    const standing = async (at: number): Promise<string | undefined> => {
      const key = keyAt(at);
      if (key === remembered) return undefined;
      try {
        const { startedAt } = await read(workflowIdOf(principal, key));
        return now - Date.parse(startedAt) < windowMs ? key : undefined;
      } catch (error) {
        if (!isGenerationError(error) || error.type !== 'KeyNotFound') throw error;
        return undefined;
      }
    };
    const isNextNear = (windowAt + 1) * windowMs - now <= clocksApartMs;
    const found = await Promise.all([
      isNextNear ? standing(windowAt + 1) : undefined,
      // The order with the remembered key may have been refused here, and then accepted by another gateway under the
      // current window's key.
      remembered === undefined ? undefined : standing(windowAt),
      standing(windowAt - 1),
    ]);
    const key = found.find((one) => one !== undefined);
    return key === undefined ? { key: remembered ?? keyAt(windowAt), stands: false } : { key, stands: true };
  };

  return {
    async keyFor(order, windowMs) {
      const { principal, model, input } = order;
      const mark = orderDigest(principal.tenant, model, input, { windowMs }).toString('base64');
      // Forgotten, as its window counts from the start of that order.
      const forgetStanding = ({ key, stands }: FoundKey) => {
        if (stands) given.delete(mark);
        return key;
      };
      const known = given.get(mark);
      if (known !== undefined) {
        const last = await known;
        return last.stands ? last.key : forgetStanding(await find(order, windowMs, last.key));
      }
      const finding = find(order, windowMs);
      given.set(mark, finding, { ttl: Math.min(windowMs, onItsWayMs) });
      try {
        return forgetStanding(await finding);
      } catch (error) {
        given.delete(mark);
        throw error;
      }
    },
  };
}
