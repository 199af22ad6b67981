import { LRUCache } from 'lru-cache';
import { isGenerationError } from '../../client/index.ts';
import { type Principal, workflowIdOf } from '../access/principal.ts';
import { uuidOf } from './key-of.ts';
import { orderDigest } from './order-digest.ts';
import type { GenerationReader } from './read-generations.ts';

const maxKept = 10_000;

/** Longer than the checks of an order and its start may take; later it is found, or was never started. */
const onItsWayMs = 60_000;

/** So far apart, at most, are the clocks of gateways. */
const clocksApartMs = 60_000;

/** What whoever sent an equal order again is told. */
export const dedupedNotice = 'deduplicated by body';

/** An order as its caller gave it, without a key. */
export interface KeylessOrder {
  principal: Principal;
  model: string;
  input: Record<string, unknown>;
}

/** The keys that equal orders of a tenant share. */
export interface DedupedKeys {
  /**
   * The key of an equal order that may still be on its way to Temporal; else that of the window before, or of the next where
   * another gateway's clock may have come to it, where its order began less than one window ago; else that of the window
   * of now.
   */
  keyFor: (order: KeylessOrder, windowMs: number) => Promise<string>;
}

/** Derives keys from orders, so that every gateway finds the same, and remembers those that it has just given. */
export function createDedupedKeys({ read }: Pick<GenerationReader, 'read'>): DedupedKeys {
  // An order that is on its way when a window ends is not to be found yet by whoever repeats it in the next.
  const given = new LRUCache<string, Promise<string>>({ max: maxKept });

  const find = async ({ principal, model, input }: KeylessOrder, windowMs: number, forget: () => void) => {
    const now = Date.now();
    const windowAt = Math.floor(now / windowMs);
    const keyAt = (at: number) => uuidOf(orderDigest(principal.tenant, model, input, at));
    const standing = async (at: number): Promise<string | undefined> => {
      const key = keyAt(at);
      try {
        const { startedAt } = await read(workflowIdOf(principal, key));
        return now - Date.parse(startedAt) < windowMs ? key : undefined;
      } catch (error) {
        if (!isGenerationError(error) || error.type !== 'KeyNotFound') throw error;
        return undefined;
      }
    };
    const isNextNear = (windowAt + 1) * windowMs - now <= clocksApartMs;
    const [next, before] = await Promise.all([isNextNear ? standing(windowAt + 1) : undefined, standing(windowAt - 1)]);
    const found = next ?? before;
    if (found === undefined) return keyAt(windowAt);
    // Its window began with its own start.
    forget();
    return found;
  };

  return {
    keyFor(order, windowMs) {
      const { principal, model, input } = order;
      const mark = orderDigest(principal.tenant, model, input, { windowMs }).toString('base64');
      const known = given.get(mark);
      if (known !== undefined) return known;
      const found = find(order, windowMs, () => given.delete(mark));
      given.set(mark, found, { ttl: Math.min(windowMs, onItsWayMs) });
      found.catch(() => given.delete(mark));
      return found;
    },
  };
}
