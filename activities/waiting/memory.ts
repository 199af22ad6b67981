import type { FinishedWork } from '../../domain/waiting.ts';
import { modelKind } from '../../runcomfy/models/model-kind.ts';
import { type TimedDuration, weighByAge } from './drift.ts';
import type { WeightedDuration } from './kernels.ts';

/** `work`: since the last moment at which it was known not to run yet; `run`: since it was seen to run. */
export type Stage = 'work' | 'queue' | 'run';

/** The stages of one finished generation, seconds; a stage that the reads did not bracket is missing. */
type Stages = Partial<Record<Stage, number>>;

interface FinishedStages extends Stages {
  submittedAt: number;
  hasFailed: boolean;
}

/** What is remembered of one level: of a model with a size, of a model, or of a kind of output. */
export interface Memory {
  key: string;
  /** The newest ones, by their submits, oldest first. */
  works: FinishedStages[];
  /** How many there have been. */
  learned: number;
}

/** No generation lasts longer; what says so is mistaken. */
const longestMs = 7 * 24 * 3_600_000;
/** Of those that succeeded, and of those that failed: an outage pushes no success out of the memory. */
const remembered = 150;
/** Once there are as many, one in so many still follows a drift. */
const keptOneIn = 5;

/** Adds one finished generation; without a time of its submit, after all that were added before. */
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

/** Whether one more would hardly teach a starting worker more. */
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

/** How long successful work took, oldest first, seconds. */
export function durationsIn({ works }: Memory, stage: Stage): number[] {
  return works.flatMap((work) => (work.hasFailed ? [] : (work[stage] ?? [])));
}

/** All ends, with how much each counts: failures come at times of their own. */
export function observedIn(
  { works }: Memory,
  stage: Stage,
): { worked: WeightedDuration[]; failed: WeightedDuration[] } {
  const timed = works.flatMap((work): TimedDuration[] => {
    // Whoever fails at once was mostly not seen to start.
    const seconds = work[stage] ?? (work.hasFailed && stage === 'run' ? work.work : undefined);
    return seconds === undefined ? [] : [{ seconds, submittedAt: work.submittedAt, hasFailed: work.hasFailed }];
  });
  const weighted = weighByAge(timed);
  const of = (isFailure: boolean) => weighted.filter((_, index) => timed[index]?.hasFailed === isFailure);
  return { worked: of(false), failed: of(true) };
}

/** Seconds below which this share of what was observed lies. */
export function quantileIn(memory: Memory, stage: Stage, share: number): number {
  const sorted = durationsIn(memory, stage).sort((a, b) => a - b);
  return sorted[Math.round(share * (sorted.length - 1))] ?? 0;
}

/** Seconds between the shortest and the longest tenth. */
export function spreadOf(memory: Memory, stage: Stage): number {
  return quantileIn(memory, stage, 0.9) - quantileIn(memory, stage, 0.1);
}

/** Time in the queue is no work; whoever tells nothing of a queue saw none. */
function stagesOf({ totalMs, workMs, queueMs, runMs, isWorkUnknown }: FinishedWork): Stages {
  const work = isWorkUnknown ? undefined : (workMs ?? totalMs - (queueMs ?? 0));
  return { ...seconds('work', work), ...seconds('queue', queueMs), ...seconds('run', runMs) };
}

function seconds(stage: Stage, ms: number | undefined): Stages {
  return ms !== undefined && ms >= 0 && ms <= longestMs ? { [stage]: ms / 1000 } : {};
}
