import { patched, workflowInfo } from '@temporalio/workflow';
import { isJsonObject } from '../domain/json.ts';

/** Part of what a run hands to the next one. */
export interface HandedOn {
  /** The run that hands it on; older versions do not say, or say what they were handed, which names a run before them. */
  handedOnBy?: string;
}

/** Fields that every version has handed on, with a value of the same kind in the place of each. */
export type SampleOf<Carried> = {
  readonly [Name in keyof Carried]?: Carried[Name] extends string
    ? ''
    : Carried[Name] extends number
      ? 0
      : Carried[Name] extends readonly unknown[]
        ? readonly []
        : SampleOf<Carried[Name]>;
};

/**
 * What the run before this one has handed on; undefined: nothing. A cron schedule and a workflow retry policy begin runs,
 * too, with all that the start was given: a second argument may be anything, and counts only where it looks like `sample`.
 */
export function handedOn<Carried extends object>(given: unknown, sample: SampleOf<Carried>): Carried | undefined {
  if (workflowInfo().continuedFromExecutionRunId === undefined || !isLike(given, sample)) return undefined;
  return given as Carried;
}

function isLike(value: unknown, sample: unknown): boolean {
  if (Array.isArray(sample)) return Array.isArray(value);
  if (!isJsonObject(sample)) return typeof value === typeof sample;
  return isJsonObject(value) && Object.entries(sample).every(([name, inner]) => isLike(value[name], inner));
}

/**
 * What has started this run, in words, where that is Temporal itself: a retry, or the next of a cron schedule, is handed what
 * the run before it was handed, and knows nothing of what happened since. Undefined: it is the first, or was handed all.
 */
export function selfStartedBy(carried: HandedOn | undefined): string | undefined {
  const { attempt, continuedFromExecutionRunId, cronSchedule } = workflowInfo();
  if (continuedFromExecutionRunId === undefined) return undefined;
  if (!carried) return starterOf();
  const { handedOnBy } = carried;
  const mayBeOfRunBefore = attempt === 1 && (handedOnBy === undefined || !cronSchedule);
  return mayBeOfRunBefore || handedOnBy === continuedFromExecutionRunId ? undefined : starterOf();
}

/** What has Temporal start a run by itself, in words. */
export function starterOf(): string {
  const { cronSchedule, attempt } = workflowInfo();
  if (cronSchedule) return `a cron schedule (${cronSchedule})`;
  return attempt > 1 ? `a workflow retry policy (attempt ${String(attempt)})` : 'a continuation that carried nothing';
}

/**
 * A first workflow task that comes no later is prompt: a marker would cost such a run two events for nothing. A short
 * deadline may have passed by then, or be near: there it is the given share of it.
 */
const promptMs = 5_000;
const shareForPrompt = 0.05;

/**
 * What the deadline of a run that begins counts from, epoch ms: its start, as its caller counts, though no worker may have
 * been there for hours. That is when a delay of its start is over, and of a run that was reset its first workflow task.
 */
export function deadlineStart(deadlineMs: number): number {
  const { startTime, cronScheduleToScheduleInterval: delayMs = 0, ...run } = workflowInfo();
  const now = Date.now();
  const startedAt = startTime.getTime() + delayMs;
  if (now - startedAt <= Math.min(promptMs, shareForPrompt * deadlineMs)) return now;
  // The first task of a reset run may be of the run before, which has asked.
  const isAsked = run.runId === run.originalExecutionRunId || run.unsafe.isReplaying;
  return isAsked && patched('deadlines-count-from-the-start') ? startedAt : now;
}
