import type { Client } from '@temporalio/client';
import { cutText } from '../../../domain/text.ts';
import type { RunDescription } from '../run-info.ts';

/** Why workers cannot make progress with a run. */
export interface TaskFailure {
  /** Number of attempts at the task, including the current one. */
  attempts: number;
  /** The message of the last failure, or that the worker did not answer in time. */
  reason: string;
}

/** Fewer attempts are normal, for example when a worker was stopped. */
const attemptsThatTell = 3;
const eventsLookedAt = 20;
const maxReasonLength = 1_000;

/**
 * Whether a run's workflow tasks fail again and again, or it waits for an activity that the workers of its task queue
 * do not have; undefined if neither is the case.
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
