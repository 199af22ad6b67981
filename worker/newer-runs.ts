import { ApplicationFailure, type Client, WorkflowFailedError } from '@temporalio/client';
import { isUnbilled, readFailureDetails } from '../domain/failure-details.ts';
import { generationWorkflowType } from '../domain/names.ts';
import { describePlainRun, listPlainRuns, type PlainRun } from './runs-without-memos.ts';

/** Together with the look into the catalogue shorter than the heartbeat timeout of a submit, 10 s; the next attempt asks again. */
const visibilityWithinMs = 4_000;
const visibilityEveryMs = 500;

/**
 * Throws unless no run of the key that is newer than `retryOfRunId`, other than `runId`, may have been billed. The list
 * is only trusted once it shows `runId` itself: visibility lags behind.
 */
export async function checkNewerRuns(client: Client, key: string, runId: string, retryOfRunId: string): Promise<void> {
  const runs = await listRunsOfKey(client, key, runId, retryOfRunId);
  const followed = runs.find((run) => run.runId === retryOfRunId);
  for (const run of runs) {
    if (run.runId === runId || run.runId === retryOfRunId) continue;
    if (followed && run.startedAt <= followed.startedAt) continue;
    if (await hasCostNothing(client, run)) continue;
    throw ApplicationFailure.create({
      type: 'InvalidInput',
      message: `key ${key} was ordered again meanwhile by run ${run.runId}, which may be billed; attach to that run instead`,
      nonRetryable: true,
      details: [{ submission: 'not_sent' }],
    });
  }
}

/** The runs of a key since `sinceRunId`; rejects until they include `runId` itself. */
export async function listRunsOfKey(
  client: Client,
  key: string,
  runId: string,
  sinceRunId: string,
): Promise<PlainRun[]> {
  const giveUpAt = Date.now() + visibilityWithinMs;
  const query = await queryFor(client, key, sinceRunId);
  for (;;) {
    const runs: PlainRun[] = [];
    for await (const run of listPlainRuns(client, query)) if (run.workflowId === key) runs.push(run);
    if (runs.some((run) => run.runId === runId)) return runs;
    if (Date.now() > giveUpAt) throw new Error(`Temporal's visibility does not show run ${runId} yet`);
    await new Promise((resolve) => setTimeout(resolve, visibilityEveryMs));
  }
}

/**
 * A query that finds at least the runs of a key since the one that was followed. The SQL stores of Temporal compare no
 * value with quotes, backslashes or control characters, however they are escaped: there the plain beginning is looked for.
 */
async function queryFor(client: Client, key: string, retryOfRunId: string): Promise<string> {
  if (!/['"\\\p{Cc}]/u.test(key)) return `WorkflowId = '${key}'`;
  const followed = await describePlainRun(client, key, retryOfRunId);
  const [plain = ''] = /^[^'"`\\%_!\p{Cc}]*/u.exec(key) ?? [];
  const beginning = plain === '' ? '' : ` AND WorkflowId STARTS_WITH '${plain}'`;
  const since = followed ? ` AND StartTime >= '${followed.startedAt.toISOString()}'` : '';
  return `WorkflowType = '${generationWorkflowType}'${since}${beginning}`;
}

/** Whether the run ended in a failure that says that nothing was accepted. */
async function hasCostNothing(client: Client, run: PlainRun): Promise<boolean> {
  if (run.isRunning || run.isCompleted) return false;
  try {
    await client.workflow.getHandle(run.workflowId, run.runId, { followRuns: false }).result();
    return false;
  } catch (error) {
    if (!(error instanceof WorkflowFailedError) || !(error.cause instanceof ApplicationFailure)) return false;
    return isUnbilled(readFailureDetails(error.cause).submission);
  }
}
