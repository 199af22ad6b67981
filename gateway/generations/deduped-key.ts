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
   * The key of an equal order that stands: in the window before, or in the next where another gateway's clock may have come
   * to it, where it began less than one window ago. Else the key just given to an equal order, which may still be on its way
   * to Temporal; else that of the window of now.
   */
  keyFor: (order: KeylessOrder, windowMs: number) => Promise<string>;
}

interface FoundKey {
  key: string;
  /** Its order was read, and began less than one window ago. */
  stands: boolean;
}

/** Derives keys from orders, so that every gateway finds the same, and remembers those that it has just given. */
export function createDedupedKeys({ read }: Pick<GenerationReader, 'read'>): DedupedKeys {
  // An order that is on its way when a window ends is not to be found yet by whoever repeats it in the next.
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
      // What a key is remembered for may have been refused here, and then taken elsewhere under this one.
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
      // Its window began with its own start.
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
