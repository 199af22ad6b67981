import type { Client } from '@temporalio/client';

/** Whether a run was made by a reset: the event that began it then names the run that wrote it. */
export async function isReset(client: Client, run: { workflowId: string; runId: string }): Promise<boolean> {
  const { namespace } = client.options;
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace,
    execution: run,
    maximumPageSize: 1,
  });
  const started = history?.events?.[0]?.workflowExecutionStartedEventAttributes;
  return started?.originalExecutionRunId !== run.runId;
}
