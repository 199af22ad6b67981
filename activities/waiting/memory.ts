import type { FinishedWork } from '../../domain/waiting.ts';
import { modelKind } from '../../runcomfy/models/model-kind.ts';
import { type TimedDuration, weighByAge } from './drift.ts';
import type { WeightedDuration } from './kernels.ts';

/**
 * `work`: from the last moment at which the work was known not to run yet. `run`: from when it was first seen running.
 */
export type Stage = 'work' | 'queue' | 'run';

/** The stages of one finished generation, in seconds. A stage that the reads did not bracket is missing. */
type Stages = Partial<Record<Stage, number>>;

interface FinishedStages extends Stages {
  submittedAt: number;
  hasFailed: boolean;
}

/** The memory of one level: a model with a size, a model, or a kind of output. */
export interface Memory {
  key: string;
  /** The newest generations by time of submit, oldest first. */
  works: FinishedStages[];
  /** Number of generations learned so far. */
  learned: number;
}

/** Longest duration that is believed, in milliseconds. */
const longestMs = 7 * 24 * 3_600_000;
/**
 * Number of successes remembered, and of failures: kept apart, so that an outage pushes no success out of the memory.
 */
const remembered = 150;
/** Once the memory is full, one generation in this many is still kept in order to follow a drift. */
const keptOneIn = 5;

/** Adds one finished generation. Without a time of submit, it counts as the newest. */
export function remember(memory: Memory, work: FinishedWork, submittedAt?: number): void {
  const stages = stagesOf(work);
  if (Object.keys(stages).length === 0) return;
  const hasFailed = work.hasFailed === true;
  memory.learned += 1;
  memory.works.push({
    ...stages,
    hasFailed,
    submittedAt: submittedAt ?? (memory.works.at(-1)?.submittedAt ?? 0) + 1,
  });
  memory.works.sort((a, b) => a.submittedAt - b.submittedAt);
  const alike = memory.works.filter((one) => one.hasFailed === hasFailed);
  if (alike.length > remembered) memory.works = memory.works.filter((one) => one !== alike[0]);
}

/** Whether one more finished generation would hardly teach a starting worker anything. */
export function isFull(memory: Memory | undefined): boolean {
  if (memory === undefined || memory.learned % keptOneIn === 0) return false;
  return memory.works.filter(({ hasFailed }) => !hasFailed).length >= remembered;
}

/** From the most specific to the widest: model and size, model, kind of output. */
export function levelsOf(workKey: string | undefined, model: string): string[] {
  const kind = modelKind(model);
  return [...(workKey === undefined ? [] : [`work ${workKey}`]), `model ${model}`, ...(kind ? [kindLevel(kind)] : [])];
}

function kindLevel(kind: string): string {
  return `kind ${kind}`;
}

/** Whether a level knows this very model, not only its kind of output. */
export function isOfModel({ key }: Memory): boolean {
  return !key.startsWith(kindLevel(''));
}

/** Durations of successful work in seconds, oldest first. */
export function durationsIn({ works }: Memory, stage: Stage): number[] {
  return works.flatMap((work) => (work.hasFailed ? [] : (work[stage] ?? [])));
}

/** All ends with their weights; failures apart, since they have durations of their own. */
export function observedIn(
  { works }: Memory,
  stage: Stage,
): { worked: WeightedDuration[]; failed: WeightedDuration[] } {
  const timed = works.flatMap((work): TimedDuration[] => {
    // Work that fails at once was mostly not seen to start.
    const seconds = work[stage] ?? (work.hasFailed && stage === 'run' ? work.work : undefined);
    return seconds === undefined ? [] : [{ seconds, submittedAt: work.submittedAt, hasFailed: work.hasFailed }];
  });
  const weighted = weighByAge(timed);
  const of = (isFailure: boolean) => weighted.filter((_, index) => timed[index]?.hasFailed === isFailure);
  return { worked: of(false), failed: of(true) };
}

/** Seconds below which this share of the durations lies. */
export function quantileIn(memory: Memory, stage: Stage, share: number): number {
  const sorted = durationsIn(memory, stage).sort((a, b) => a - b);
  return sorted[Math.round(share * (sorted.length - 1))] ?? 0;
}

/** Seconds between the 10 % and the 90 % quantile. */
export function spreadOf(memory: Memory, stage: Stage): number {
  return quantileIn(memory, stage, 0.9) - quantileIn(memory, stage, 0.1);
}

/** Time in the queue is not work. Without a known queue time, there was no queue. */
function stagesOf({ totalMs, workMs, queueMs, runMs, isWorkUnknown }: FinishedWork): Stages {
  const work = isWorkUnknown ? undefined : (workMs ?? totalMs - (queueMs ?? 0));
  return { ...seconds('work', work), ...seconds('queue', queueMs), ...seconds('run', runMs) };
}

function seconds(stage: Stage, ms: number | undefined): Stages {
  return ms !== undefined && ms >= 0 && ms <= longestMs ? { [stage]: ms / 1000 } : {};
}
