import { workflowInfo } from '@temporalio/workflow';

/** Part of what a run hands to the next one. */
export interface HandedOn {
  /** The run that hands it on; those of older versions do not say. */
  handedOnBy?: string;
}

/**
 * What has started this run, in words, where that is Temporal itself: a retry, or the next of a cron schedule, is handed what
 * the run before it was handed, and knows nothing of what happened since. Undefined: it is the first, or was handed all.
 */
export function selfStartedBy(carried: HandedOn | undefined): string | undefined {
  const { attempt, continuedFromExecutionRunId } = workflowInfo();
  if (continuedFromExecutionRunId === undefined) return undefined;
  const { handedOnBy } = carried ?? {};
  const isOfRunBefore = handedOnBy === undefined ? attempt === 1 : handedOnBy === continuedFromExecutionRunId;
  return carried && isOfRunBefore ? undefined : starterOf();
}

/** What has Temporal start a run by itself, in words. */
export function starterOf(): string {
  const { cronSchedule, attempt } = workflowInfo();
  if (cronSchedule) return `a cron schedule (${cronSchedule})`;
  return attempt > 1 ? `a workflow retry policy (attempt ${String(attempt)})` : 'a continuation that carried nothing';
}
