import type { Client } from '@temporalio/client';
import { isClosed, type RunInfo } from './run-info.ts';

/**
 * When a run with a delayed start begins; undefined once it has begun. A message may end a start delay early: the run's
 * history then has a workflow task.
 */
export async function beginningOf(client: Client, run: RunInfo): Promise<Date | undefined> {
  const { key, runId, beginsAt } = run;
  if (isClosed(run) || beginsAt === undefined || beginsAt.getTime() <= Date.now()) return undefined;
  const asked = { namespace: client.options.namespace, execution: { workflowId: key, runId } };
  const { history, nextPageToken } = await client.workflowService.getWorkflowExecutionHistory(asked);
  const hasTask = history?.events?.some((event) => event.workflowTaskScheduledEventAttributes);
  return nextPageToken.length > 0 || hasTask ? undefined : beginsAt;
}
