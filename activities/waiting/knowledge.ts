import { LRUCache } from 'lru-cache';
import { nextReadInMs as coldReadInMs } from '../../domain/read-schedule.ts';
import type { FinishedWork } from '../../domain/waiting.ts';
import { modelKind } from '../../runcomfy/models/model-kind.ts';
import type { DurationPrior, WeightedDuration } from './duration-distribution.ts';
import { estimateDurations } from './duration-distribution.ts';
import type { ReadPlan } from './read-plan.ts';
import { planReads } from './read-plan.ts';

type Stage = 'total' | 'run';

/** What is known of a request when its next read is planned; times in seconds. */
export interface WaitSoFar {
  model: string;
  workKey?: string | undefined;
  /** Since the submit. */
  waited: number;
  /** Since the work was first seen running; missing while it queues. */
  running?: number | undefined;
  /** Since the last moment at which the work was known not to run yet; missing: `running` is exact. */
  runningAtMost?: number | undefined;
  /** How many seconds of delay one read is worth. */
  secondsPerRead: number;
}

/** Learns how long work takes and says when to look next. Lives in the worker's memory; no history depends on it. */
export interface WaitingKnowledge {
  learn: (work: FinishedWork) => void;
  /** Milliseconds until the next read. */
  nextReadInMs: (wait: WaitSoFar) => number;
}

interface Memory {
  durations: Record<Stage, number[]>;
  plans: Map<string, ReadPlan>;
}

const maxKeys = 5_000;
const remembered = 150;
/** An observation counts half after 34 newer ones, so that drift is followed. */
const ageing = 0.98;
const enough = 5;
const maxPlans = 8;

const priors: Record<'image' | 'video' | 'audio', DurationPrior> = {
  image: { medianSeconds: 15, sigma: 1, weight: 0.5 },
  video: { medianSeconds: 100, sigma: 1, weight: 0.5 },
  audio: { medianSeconds: 20, sigma: 1, weight: 0.5 },
};
const anyPrior: DurationPrior = { medianSeconds: 40, sigma: 1, weight: 0.5 };

export function createWaitingKnowledge(): WaitingKnowledge {
  const memories = new LRUCache<string, Memory>({ max: maxKeys });

  const memoryOf = (key: string): Memory => {
    const memory = memories.get(key) ?? { durations: { total: [], run: [] }, plans: new Map<string, ReadPlan>() };
    memories.set(key, memory);
    return memory;
  };

  /** The most specific level that has seen enough. */
  const bestMemory = (levels: string[], stage: Stage): Memory | undefined =>
    levels.map((key) => memories.get(key)).find((memory) => (memory?.durations[stage].length ?? 0) >= enough);

  const planFor = (wait: WaitSoFar, stage: Stage): ReadPlan | undefined => {
    const memory = bestMemory(levelsOf(wait.workKey, wait.model), stage);
    if (!memory) return undefined;
    const prior = priorOf(wait.model);
    const id = `${stage} ${String(wait.secondsPerRead)} ${String(prior.medianSeconds)}`;
    const known = memory.plans.get(id);
    if (known) return known;
    const seen = memory.durations[stage];
    const weighted = seen.map((seconds, index): WeightedDuration => ({
      seconds,
      weight: ageing ** (seen.length - 1 - index),
    }));
    const plan = planReads(estimateDurations(weighted, prior), {
      secondsPerRead: wait.secondsPerRead,
      observations: seen.length,
    });
    if (memory.plans.size >= maxPlans) memory.plans.clear();
    memory.plans.set(id, plan);
    return plan;
  };

  return {
    learn({ workKey, model, totalMs, runMs }) {
      for (const key of levelsOf(workKey, model)) {
        const memory = memoryOf(key);
        push(memory.durations.total, totalMs);
        if (runMs !== undefined) push(memory.durations.run, runMs);
        memory.plans.clear();
      }
    },
    nextReadInMs(wait) {
      const waited = Math.max(0, wait.waited);
      const running = wait.running === undefined ? undefined : Math.max(0, wait.running);
      const runPlan = running === undefined ? undefined : planFor(wait, 'run');
      if (running !== undefined && runPlan) {
        // Work may have run long before it was first seen to: the earlier of both views, or its end is missed by a run.
        const runningAtMost = Math.max(running, wait.runningAtMost ?? running);
        return Math.min(toGapMs(runPlan, running), toGapMs(runPlan, runningAtMost));
      }
      const plan = planFor(wait, 'total');
      return plan ? toGapMs(plan, waited) : coldReadInMs(waited * 1000);
    },
  };
}

function toGapMs(plan: ReadPlan, seconds: number): number {
  return Math.max(1, Math.round((plan.nextReadAt(seconds) - seconds) * 1000));
}

/** From the most specific to the widest: model and size, model, kind of output. */
function levelsOf(workKey: string | undefined, model: string): string[] {
  const kind = modelKind(model);
  return [...(workKey === undefined ? [] : [`work ${workKey}`]), `model ${model}`, ...(kind ? [`kind ${kind}`] : [])];
}

function priorOf(model: string): DurationPrior {
  const kind = modelKind(model);
  return kind ? priors[kind] : anyPrior;
}

function push(durations: number[], ms: number): void {
  if (!Number.isFinite(ms) || ms < 0) return;
  durations.push(ms / 1000);
  if (durations.length > remembered) durations.shift();
}
