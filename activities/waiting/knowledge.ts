import { LRUCache } from 'lru-cache';
import type { FinishedWork } from '../../domain/waiting.ts';
import { modelKind } from '../../runcomfy/models/model-kind.ts';
import { type DurationDistribution, estimateDurations, likelyEndAfter } from './duration-distribution.ts';
import type { WeightedDuration } from './kernels.ts';
import {
  durationsIn,
  isFull,
  isOfModel,
  levelsOf,
  type Memory,
  observedIn,
  quantileIn,
  remember,
  spreadOf,
  type Stage,
} from './memory.ts';
import { priorOf } from './prior.ts';
import { queuedWork, remainingQueue } from './queued-work.ts';
import { blindly, planReads, type ReadPlan } from './read-plan.ts';

/** What is known of a request when its next read is planned. Times are in seconds. */
export interface WaitSoFar {
  model: string;
  workKey?: string | undefined;
  /** Time since the submit, or since the request was first heard of. */
  waited: number;
  /** The work was submitted earlier, at an unknown time. */
  isOlder?: boolean;
  /** The work is known to be still queued. */
  isQueueing?: boolean;
  /** Number of requests ahead of this one, according to RunComfy. */
  queuePosition?: number | undefined;
  /** Time since the work was first seen running; missing while it is queued. */
  running?: number | undefined;
  /** Time since the work was last known not to run yet. Missing: `running` is exact. */
  runningAtMost?: number | undefined;
  /** How many seconds of delay one read is worth. */
  secondsPerRead: number;
}

/** Learns how long work takes and decides when to look next. Kept in the worker's memory; no history depends on it. */
export interface WaitingKnowledge {
  /** `submittedAt` in epoch ms. If unknown, the work counts as submitted after all that was learned before. */
  learn: (work: FinishedWork, submittedAt?: number) => void;
  /** Whether enough is known of such work that one more generation would hardly teach a starting worker anything. */
  knowsWell: (work: Pick<FinishedWork, 'workKey' | 'model'>) => boolean;
  /** A queue position of this model fell by `places` in the `seconds` between two reads. */
  learnQueueMove: (move: { model: string; places: number; seconds: number }) => void;
  /** Milliseconds until the next read. */
  nextReadInMs: (wait: WaitSoFar) => number;
  /** Milliseconds until the work is as likely over as not, given that it is not over yet. */
  likelyEndInMs: (wait: WaitSoFar) => number;
  /** The same, but undefined unless work of this very model is known and this work has not outlasted what was seen. */
  expectedEndInMs: (wait: WaitSoFar) => number | undefined;
}

/** How fast a model's queue has moved lately. */
interface QueueSpeed {
  places: number;
  seconds: number;
}

/** Something computed from a memory. */
interface Computed<T> {
  memory: Memory | undefined;
  /** How much the memory had learned when the value was computed. */
  learned: number;
  value: T;
}

const maxKeys = 5_000;
const maxComputed = 500;
/** Factor by which earlier moves of a queue count less after each further move. */
const speedAgeing = 0.99;
const enough = 5;
/**
 * The start of a run is known if it was seen within this share of the run. Spreads that differ by less than this count
 * as alike.
 */
const closeShare = 0.1;
/**
 * Median duration, in seconds, up to which a read of learned work is worth what the caller says. For longer work it is
 * worth less.
 */
const shortWork = 10;
/** Least share of that worth, however long the work is. */
const leastShare = 0.5;
/** Least gap between reads of queued work, in seconds. */
const closestInQueue = 1;
/**
 * Least gap between reads of queued work as a share of the time waited: a guess that work starts at once is not
 * believed all day.
 */
const closestShareInQueue = 0.01;
/** Computed values are stale once the memory has grown by this share. */
const staleShare = 0.05;

export function createWaitingKnowledge(): WaitingKnowledge {
  const memories = new LRUCache<string, Memory>({ max: maxKeys });
  const distributions = new LRUCache<string, Computed<DurationDistribution>>({ max: maxComputed });
  const plans = new LRUCache<string, Computed<ReadPlan>>({ max: maxComputed });
  const speeds = new LRUCache<string, QueueSpeed>({ max: maxKeys });

  /** The memory of the most specific level that has seen enough. */
  const bestMemory = ({ workKey, model }: WaitSoFar, stage: Stage): Memory | undefined =>
    levelsOf(workKey, model)
      .map((key) => memories.get(key))
      .find((memory) => memory !== undefined && durationsIn(memory, stage).length >= enough);

  const distributionOf = (memory: Memory | undefined, stage: Stage, model: string): DurationDistribution =>
    kept(distributions, `${stage} ${memory?.key ?? `nothing of ${String(modelKind(model))}`}`, memory, () => {
      const { worked, failed } = memory ? observedIn(memory, stage) : { worked: [], failed: [] };
      return estimateDurations(worked, priorOf(model), failed);
    });

  const planOf = (memory: Memory | undefined, stage: Stage, { model, secondsPerRead }: WaitSoFar): ReadPlan => {
    const key = `${String(secondsPerRead)} ${stage} ${memory?.key ?? `nothing of ${String(modelKind(model))}`}`;
    return kept(plans, key, memory, () => {
      const distribution = distributionOf(memory, stage, model);
      return planReads(distribution, {
        secondsPerRead: memory ? worthOfRead(secondsPerRead, distribution) : secondsPerRead,
        observations: memory ? durationsIn(memory, stage).length : 0,
      });
    });
  };

  /** The plan for queued work: what is left of the queue, then a whole run. */
  const queuedPlan = (wait: WaitSoFar): ReadPlan | undefined => {
    const stage = bestMemory(wait, 'run') ? 'run' : 'work';
    const works = wait.isQueueing ? bestMemory(wait, stage) : undefined;
    if (!works) return undefined;
    const remaining = remainingOf(wait);
    const work = distributionOf(works, stage, wait.model);
    const plan = planReads(queuedWork(wait.waited, remaining, work), {
      secondsPerRead: worthOfRead(wait.secondsPerRead, work),
      observations: durationsIn(works, stage).length,
    });
    // Seeing the start is worth a read: from then on, the end is known as closely as the length of a run.
    const startedBy = wait.waited + (remaining.at(-1)?.seconds ?? 0);
    const closest = (seconds: number) => seconds + Math.max(closestInQueue, closestShareInQueue * seconds);
    return { nextReadAt: (seconds) => Math.max(closest(seconds), Math.min(plan.nextReadAt(seconds), startedBy)) };
  };

  const remainingOf = (wait: WaitSoFar): WeightedDuration[] => {
    const queues = bestMemory(wait, 'queue');
    const speed = speeds.get(wait.model);
    const secondsPerPlace = speed && speed.places > 0 ? speed.seconds / speed.places : undefined;
    const { waited, queuePosition: position } = wait;
    return remainingQueue({ waited, position, secondsPerPlace }, queues ? observedIn(queues, 'queue').worked : []);
  };

  const plannedGapMs = (wait: WaitSoFar): number => {
    const running = wait.running === undefined ? undefined : Math.max(0, wait.running);
    const runs = running === undefined ? undefined : bestMemory(wait, 'run');
    const works = bestMemory(wait, 'work');
    if (running !== undefined && runs) {
      const plan = planOf(runs, 'run', wait);
      const runningAtMost = Math.max(running, wait.runningAtMost ?? running);
      if (runningAtMost - running <= closeShare * quantileIn(runs, 'run', 0.5)) return toGapMs(plan, running);
      // With hardly any queue, the time since the submit predicts the end better than a start that was not seen.
      const isQueueShort = works && spreadOf(works, 'work') <= (1 + closeShare) * spreadOf(runs, 'run');
      // Work may have run long before it was first seen running, so the earlier of both plans counts: otherwise its end
      // could be missed by a whole run.
      if (!isQueueShort) return Math.min(toGapMs(plan, running), toGapMs(plan, runningAtMost));
    }
    const queued = queuedPlan(wait);
    return queued
      ? toGapMs(queued, Math.max(0, wait.waited))
      : toGapMs(planOf(works, 'work', wait), works ? workedFor(wait) : Math.max(0, wait.waited));
  };

  /** Seconds until the work is as likely over as not; for queued work, counted from its start. */
  const secondsLeft = (wait: WaitSoFar) => {
    const stage = wait.running === undefined || !bestMemory(wait, 'run') ? 'work' : 'run';
    const after = stage === 'run' ? Math.max(0, wait.running ?? 0) : workedFor(wait);
    const memory = bestMemory(wait, stage);
    const distribution = distributionOf(memory, stage, wait.model);
    return { memory, left: likelyEndAfter(distribution, after) - after, isPastAll: after >= distribution.learnedUntil };
  };

  return {
    learn(work, submittedAt) {
      for (const key of levelsOf(work.workKey, work.model)) {
        const memory = memories.get(key) ?? { key, works: [], learned: 0 };
        memories.set(key, memory);
        remember(memory, work, submittedAt);
      }
    },
    knowsWell: ({ workKey, model }) => isFull(memories.get(levelsOf(workKey, model)[0] ?? '')),
    learnQueueMove({ model, places, seconds }) {
      // A queue position that got worse is not a move of the queue.
      if (!(places >= 0 && seconds > 0)) return;
      const { places: before, seconds: watched } = speeds.get(model) ?? { places: 0, seconds: 0 };
      speeds.set(model, { places: before * speedAgeing + places, seconds: watched * speedAgeing + seconds });
    },
    nextReadInMs(wait) {
      const waited = Math.max(0, wait.waited);
      const gapMs = plannedGapMs(wait);
      return wait.isOlder ? Math.min(gapMs, Math.round((blindly(waited) - waited) * 1000)) : gapMs;
    },
    likelyEndInMs: (wait) => Math.round(secondsLeft(wait).left * 1_000),
    expectedEndInMs(wait) {
      const { memory, left, isPastAll } = secondsLeft(wait);
      if (!memory || !isOfModel(memory) || isPastAll || wait.isOlder) return undefined;
      if (!wait.isQueueing) return Math.round(left * 1_000);
      // Without a known position, the queue may last for seconds or for hours.
      if (wait.queuePosition === undefined || !speeds.has(wait.model)) return undefined;
      const remaining = remainingOf(wait);
      return Math.round(((remaining[remaining.length >> 1]?.seconds ?? 0) + left) * 1_000);
    },
  };
}

/** How long the work may have run, in seconds, without time in the queue. */
function workedFor({ waited, isQueueing, runningAtMost }: WaitSoFar): number {
  return isQueueing ? 0 : Math.max(0, runningAtMost ?? waited);
}

/** Returns the cached value unless the memory has grown much since, or was evicted and started anew. */
function kept<T>(cache: LRUCache<string, Computed<T>>, key: string, memory: Memory | undefined, compute: () => T): T {
  const known = cache.get(key);
  const learned = memory?.learned ?? 0;
  const isOfThis = known?.memory === memory;
  if (known && isOfThis && learned - known.learned <= staleShare * (memory?.works.length ?? 0)) return known.value;
  const value = compute();
  cache.set(key, { memory, learned, value });
  return value;
}

/**
 * What a read costs in the plan, in seconds of delay. It is lower for longer work, for two reasons: an estimate is
 * wider than the truth, so its best plan reads too seldom; and RunComfy limits reads per second, to which long work
 * adds less.
 */
function worthOfRead(secondsPerRead: number, learned: DurationDistribution): number {
  const median = likelyEndAfter(learned, 0);
  return secondsPerRead * Math.min(1, Math.max(leastShare, Math.sqrt(shortWork / median)));
}

function toGapMs(plan: ReadPlan, seconds: number): number {
  return Math.max(1, Math.round((plan.nextReadAt(seconds) - seconds) * 1000));
}
