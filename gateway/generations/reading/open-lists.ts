import { LRUCache } from 'lru-cache';
import type { OpenGeneration } from '../../../client/operator/index.ts';

/** Up to so many are asked for one by one. */
const maxFew = 50;
const maxListed = 10_000;
const listEveryMs = 2_000;
/** Longer than the longest pause between two reads of whoever watches. */
const followedForMs = 6_000;
const keysAList = 200;
const listsAtOnce = 4;
/** On a server without our search attributes; where Temporal is away, or has no time for lists. */
const pauseMs = { withoutPhases: 30_000, afterFailure: 5_000 };

/** Lists of generations that run, while many of them are read. */
export interface OpenLists {
  /** Notes that somebody reads a generation that runs; gives whether so many are read that lists tell of them. */
  join: (workflowId: string) => boolean;
  isUnderWay: () => boolean;
}

/** Lists every two seconds what is read, in the background, for as long as it is many; `take` is given each that was listed, or not found. */
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
        // Whoever is not told by a list asks by itself.
        void listAll().then(() => {
          dueAt = now + listEveryMs;
        });
      } else dueAt = now + listEveryMs / 4;
      return isMany;
    },
    isUnderWay: () => dueAt === Infinity,
  };
}
