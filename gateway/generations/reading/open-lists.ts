import { LRUCache } from 'lru-cache';
import type { OpenGeneration } from '../../../client/operator/index.ts';

/** Up to this many generations are read one by one. */
const maxFew = 50;
const maxListed = 10_000;
const listEveryMs = 2_000;
/** Longer than the longest pause between two reads of a watcher. */
const followedForMs = 6_000;
const keysAList = 200;
const listsAtOnce = 4;
/**
 * How long lists pause: on a server without our search attributes, and after a failed list (Temporal is away or
 * overloaded).
 */
const pauseMs = { withoutPhases: 30_000, afterFailure: 5_000 };

/** Periodic lists of open generations, while many of them are read. */
export interface OpenLists {
  /** Records that an open generation is being read; returns whether enough of them are read for lists to cover them. */
  join: (workflowId: string) => boolean;
  isUnderWay: () => boolean;
}

/**
 * Lists the generations being read in the background, every two seconds while there are many of them. `take` receives
 * each one that was listed, or undefined if the list does not have it.
 */
export function createOpenLists(
  list: (workflowIds: readonly string[]) => Promise<Map<string, OpenGeneration> | undefined>,
  take: (workflowId: string, found: OpenGeneration | undefined, listedAt: number) => void,
): OpenLists {
  const followed = new LRUCache<string, true>({ max: maxListed, ttl: followedForMs });
  let dueAt = 0;
  let pausedUntil = 0;
  let isMany = false;

  const listPart = async (workflowIds: readonly string[]): Promise<boolean> => {
    const listedAt = performance.now();
    const found = await list(workflowIds);
    for (const workflowId of workflowIds) take(workflowId, found?.get(workflowId), listedAt);
    return found !== undefined;
  };

  const listAll = async () => {
    const all = [...followed.keys()];
    const parts = Array.from({ length: Math.ceil(all.length / keysAList) }, (_, at) =>
      all.slice(at * keysAList, (at + 1) * keysAList),
    );
    const told: boolean[] = [];
    const lane = async () => {
      for (let part = parts.pop(); part; part = parts.pop()) told.push(await listPart(part));
    };
    const lanes = await Promise.allSettled(Array.from({ length: listsAtOnce }, lane));
    if (lanes.some(({ status }) => status === 'rejected')) pausedUntil = performance.now() + pauseMs.afterFailure;
    else if (!told.includes(true)) pausedUntil = performance.now() + pauseMs.withoutPhases;
  };

  return {
    join(workflowId) {
      followed.set(workflowId, true);
      const now = performance.now();
      if (now < dueAt) return isMany;
      followed.purgeStale();
      isMany = followed.size > maxFew && now >= pausedUntil;
      if (isMany) {
        dueAt = Infinity;
        // Readers that no list serves read by themselves, so nobody waits for this.
        void listAll().then(() => {
          dueAt = now + listEveryMs;
        });
      } else dueAt = now + listEveryMs / 4;
      return isMany;
    },
    isUnderWay: () => dueAt === Infinity,
  };
}
