import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { ApplicationFailure, WorkflowFailedError } from '@temporalio/client';
import { isJsonObject } from '../domain/json.ts';

const visibilityWithinMs = 20_000;
const visibilityEveryMs = 500;

/**
 * Throws unless no run of the key that is newer than `retryOfRunId`, other than `runId`, may have been billed. The list
 * is only trusted once it shows `runId` itself: visibility lags behind.
 */
export async function checkNewerRuns(client: Client, key: string, runId: string, retryOfRunId: string): Promise<void> {
  const runs = await listRuns(client, key, runId);
  const followed = runs.find((run) => run.runId === retryOfRunId);
  for (const run of runs) {
    if (run.runId === runId || run.runId === retryOfRunId) continue;
    if (followed && run.startTime <= followed.startTime) continue;
    if (await isUnbilled(client, run)) continue;
    throw ApplicationFailure.create({
      type: 'InvalidInput',
      message: `key ${key} was ordered again meanwhile by run ${run.runId}, which may be billed; attach to that run instead`,
      nonRetryable: true,
      details: [{ submission: 'not_sent' }],
    });
  }
}

async function listRuns(client: Client, key: string, runId: string): Promise<WorkflowExecutionInfo[]> {
  const giveUpAt = Date.now() + visibilityWithinMs;
  for (;;) {
    const runs: WorkflowExecutionInfo[] = [];
    const query = `WorkflowId = '${key.replaceAll("'", "''")}'`;
    for await (const run of client.workflow.list({ query })) runs.push(run);
    if (runs.some((run) => run.runId === runId)) return runs;
    if (Date.now() > giveUpAt) throw new Error(`Temporal's visibility does not show run ${runId} yet`);
    await new Promise((resolve) => setTimeout(resolve, visibilityEveryMs));
  }
}

/** Whether the run ended in a failure that says that nothing was accepted. */
async function isUnbilled(client: Client, run: WorkflowExecutionInfo): Promise<boolean> {
  if (run.status.name === 'RUNNING' || run.status.name === 'COMPLETED') return false;
  try {
    await client.workflow.getHandle(run.workflowId, run.runId, { followRuns: false }).result();
    return false;
  } catch (error) {
    if (!(error instanceof WorkflowFailedError) || !(error.cause instanceof ApplicationFailure)) return false;
    const details = error.cause.details?.[0];
    const submission = isJsonObject(details) ? details['submission'] : undefined;
    return submission === 'not_sent' || submission === 'refused';
  }
}
