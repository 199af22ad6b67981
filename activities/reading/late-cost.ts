import { setTimeout as sleep } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { isRunComfyError } from '../../runcomfy/errors.ts';
import type { ResultReply } from '../../runcomfy/schemas/result-reply.ts';
import type { ActivityDeps } from '../activity-deps.ts';
import type { AttemptCount } from './read-counter.ts';

/** RunComfy may state a cost a read or a moment later than the end. */
const pausesMs = [500, 1_000, 2_000];

/** So often in a row in vain, and few ends are held up any more, for the first pause alone. */
const vainTries = 3;
const endsPerTry = 20;

const maxKinds = 3_000;

/** Less than what an attempt has left. */
const costWithinMs = 4_000;

interface Asked {
  model: string;
  requestId: string;
}

/** What a result says of how the work ended. */
interface End {
  status: ResultReply['status'];
  /** US dollars. */
  costUsd?: number | undefined;
}

type Parts = Pick<ActivityDeps, 'runcomfy' | 'readPacer'>;

/** What work cost in US dollars that ended so, read until `latestAt` (by the process's own clock, in ms) at most. */
export type LateCost = (asked: Asked, first: End, count: AttemptCount, latestAt: number) => Promise<number | undefined>;

/** What reads share that may tell of an end. */
export type ReadingDeps = ActivityDeps & { lateCost: LateCost };

/**
 * Reads a result that states no cost a few times more: what was billed is part of the end. What is read in vain for one
 * end, so that others are not held up, is known to all that share it.
 */
export function createLateCost({ runcomfy, readPacer }: Parts): LateCost {
  const vain = new LRUCache<string, number>({ max: maxKinds });
  return async ({ model, requestId }, first, count, latestAt) => {
    const isOver = first.status === 'succeeded' || first.status === 'failed' || first.status === 'cancelled';
    if (!isOver) return first.costUsd;
    // What failures or stopped work never state tells nothing of successes.
    const kind = `${model} ${first.status}`;
    if (first.costUsd !== undefined) {
      vain.delete(kind);
      return first.costUsd;
    }
    const triedInVain = vain.get(kind) ?? 0;
    if (triedInVain >= vainTries && (triedInVain - vainTries) % endsPerTry !== endsPerTry - 1) {
      vain.set(kind, triedInVain + 1);
      return undefined;
    }
    for (const pauseMs of pausesMs.slice(0, triedInVain < vainTries ? pausesMs.length : 1)) {
      if (performance.now() + 2 * pauseMs > latestAt) break;
      await sleep(pauseMs);
      if ((await readPacer.takeTurn({ isOver: true, likelyEndInMs: 0, withinMs: pauseMs })) > 0) break;
      const leftMs = Math.min(costWithinMs, latestAt - performance.now());
      const costUsd = await readCost({ runcomfy }, { model, requestId }, count, leftMs);
      if (costUsd === undefined) continue;
      vain.delete(kind);
      return costUsd;
    }
    vain.set(kind, triedInVain + 1);
    return undefined;
  };
}

/** What RunComfy says that a request cost, by one read that holds up nobody for long; undefined where it does not say. */
export async function readCost(
  deps: Pick<ActivityDeps, 'runcomfy'>,
  asked: Asked,
  count: AttemptCount,
  withinMs: number,
): Promise<number | undefined> {
  return (await readEnd(deps, asked, count, withinMs))?.costUsd;
}

/** What a result says of how the work ended, by one read that holds up nobody for long; undefined where there is none, or it may be that of another. */
export async function readEnd(
  { runcomfy }: Pick<ActivityDeps, 'runcomfy'>,
  { model, requestId }: Asked,
  count: AttemptCount,
  withinMs: number,
): Promise<End | undefined> {
  if (withinMs <= 0) return undefined;
  count.add();
  const signal = AbortSignal.timeout(Math.ceil(withinMs));
  try {
    const reply = await runcomfy.result(requestId, { model, signal });
    return 'isOfAnother' in reply ? undefined : reply;
  } catch (error) {
    if (signal.aborted || isRunComfyError(error)) return undefined;
    throw error;
  }
}
