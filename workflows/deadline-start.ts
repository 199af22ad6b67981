import { patched, workflowInfo } from '@temporalio/workflow';

/** A first workflow task that comes no later is prompt: a marker would cost such a run two events for nothing. */
const promptMs = 5_000;

/**
 * What the deadline of a run that begins counts from, epoch ms: its start, as its caller counts, though no worker may have
 * been there for hours. That is when a delay of its start is over, and of a run that was reset its first workflow task.
 */
export function deadlineStart(): number {
  const { startTime, cronScheduleToScheduleInterval: delayMs = 0, ...run } = workflowInfo();
  const now = Date.now();
  const startedAt = startTime.getTime() + delayMs;
  if (now - startedAt <= promptMs) return now;
  // The first task of a reset run may be of the run before, which has asked.
  const isAsked = run.runId === run.originalExecutionRunId || run.unsafe.isReplaying;
  return isAsked && patched('deadlines-count-from-the-start') ? startedAt : now;
}
