import type { Client } from '@temporalio/client';
import { cutText } from '../../../domain/text.ts';
import type { RunDescription } from '../run-info.ts';

/** Why workers cannot go on with a run. */
export interface TaskFailure {
  /** How often the task was tried, the attempt under way included. */
  attempts: number;
  /** What the worker said when it failed first, or that it did not answer. */
  reason: string;
}

/** A task that was tried once more is no news: a worker may have been stopped. */
const attemptsThatTell = 3;
const eventsLookedAt = 20;
const maxReasonLength = 1_000;

/**
 * Tells of a run whose workflow tasks fail again and again, or whose activity a worker of its task queue does not have;
 * undefined where all is well.
 */
export async function readTaskFailure(client: Client, run: RunDescription): Promise<TaskFailure | undefined> {
  const { key, runId, taskAttempt, unknownActivity } = run;
  if (unknownActivity && unknownActivity.attempts >= attemptsThatTell) {
    return { ...unknownActivity, reason: cutText(unknownActivity.reason, maxReasonLength) };
  }
  if (taskAttempt < attemptsThatTell) return undefined;
  const { history } = await client.workflowService.getWorkflowExecutionHistoryReverse({
    namespace: client.options.namespace,
    execution: { workflowId: key, runId },
    maximumPageSize: eventsLookedAt,
  });
  for (const {
    workflowTaskFailedEventAttributes: failed,
    workflowTaskTimedOutEventAttributes: late,
  } of history?.events ?? []) {
    const said = failed?.failure?.message;
    if (failed) return { attempts: taskAttempt, reason: cutText(said ? said : 'no reason given', maxReasonLength) };
    if (late) return { attempts: taskAttempt, reason: 'a worker took the workflow task and did not answer in time' };
  }
  return undefined;
}
