import { patched, workflowInfo } from '@temporalio/workflow';
import { isJsonObject } from '../domain/json.ts';

/** Part of what a run hands on to the next one. */
export interface HandedOn {
  /**
   * Id of the run that hands this on. Older versions leave it out, or pass on what they were handed, which names an
   * earlier run.
   */
  handedOnBy?: string;
}

/** The fields that every version has handed on, each with a sample value of the same type. */
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
 * What the previous run has handed on; undefined if nothing. A run that a cron schedule or a workflow retry policy
 * starts gets all arguments of the original start: its second argument may be anything, and counts only if it looks
 * like `sample`.
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
 * What made Temporal start this run by itself, in words. A retry, or the next run of a cron schedule, is handed what
 * the previous run was handed, and does not know what has happened since. Undefined for a first run, and for one that
 * was handed everything.
 */
export function selfStartedBy(carried: HandedOn | undefined): string | undefined {
  const { attempt, continuedFromExecutionRunId, cronSchedule } = workflowInfo();
  if (continuedFromExecutionRunId === undefined) return undefined;
  if (!carried) return starterOf();
  const { handedOnBy } = carried;
  const mayBeOfRunBefore = attempt === 1 && (handedOnBy === undefined || !cronSchedule);
  return mayBeOfRunBefore || handedOnBy === continuedFromExecutionRunId ? undefined : starterOf();
}

/** What makes Temporal start a run by itself, in words. */
export function starterOf(): string {
  const { cronSchedule, attempt } = workflowInfo();
  if (cronSchedule) return `a cron schedule (${cronSchedule})`;
  return attempt > 1 ? `a workflow retry policy (attempt ${String(attempt)})` : 'a continuation that carried nothing';
}

/**
 * A first workflow task is prompt within this time, in milliseconds: a marker would cost such a run two events for
 * nothing.
 */
const promptMs = 5_000;
/** For a short deadline, which may have passed by then or be near, the time is this share of it. */
const shareForPrompt = 0.05;

/**
 * The time from which the deadline of a new run counts, epoch ms: its start, even if no worker was there for hours.
 * After a start delay it is the end of that delay, and for a run that was reset its first workflow task.
 */
export function deadlineStart(deadlineMs: number): number {
  const { startTime, cronScheduleToScheduleInterval: delayMs = 0, ...run } = workflowInfo();
  const now = Date.now();
  const startedAt = startTime.getTime() + delayMs;
  if (now - startedAt <= Math.min(promptMs, shareForPrompt * deadlineMs)) return now;
  // The first task of a reset run may be a replay of the earlier run, which has asked for the patch.
  const isAsked = run.runId === run.originalExecutionRunId || run.unsafe.isReplaying;
  return isAsked && patched('deadlines-count-from-the-start') ? startedAt : now;
}
