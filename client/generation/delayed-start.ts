import type { Client } from '@temporalio/client';
import { isClosed, type RunInfo } from './run-info.ts';

/**
 * When a run with a delayed start begins; undefined once it has begun, and of a run that Temporal starts by itself, since
 * the one before may have ordered. A message may end a start delay early: the run's history then has a workflow task.
 */
export async function beginningOf(client: Client, run: RunInfo): Promise<Date | undefined> {
  const { key, runId, beginsAt } = run;
  if (isClosed(run) || beginsAt === undefined || beginsAt.getTime() <= Date.now()) return undefined;
  const asked = { namespace: client.options.namespace, execution: { workflowId: key, runId } };
  const { history, nextPageToken } = await client.workflowService.getWorkflowExecutionHistory(asked);
  const events = history?.events ?? [];
  const hasTask = events.some((event) => event.workflowTaskScheduledEventAttributes);
  const isContinued = events.some((event) => event.workflowExecutionStartedEventAttributes?.continuedExecutionRunId);
  return nextPageToken.length > 0 || hasTask || isContinued ? undefined : beginsAt;
}
