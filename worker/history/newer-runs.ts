import { ApplicationFailure, type Client, WorkflowFailedError } from '@temporalio/client';
import {
  findRun,
  findRuns,
  isClosed,
  isComparable,
  plainBeginning,
  type RunInfo,
} from '../../client/operator/index.ts';
import { isUnbilled, readFailureDetails } from '../../domain/failure-details.ts';
import { generationWorkflowType } from '../../domain/names.ts';

/**
 * Together with the catalogue look-up, shorter than the heartbeat timeout of a submit (10 s). The next attempt asks
 * again.
 */
const visibilityWithinMs = 4_000;
const visibilityEveryMs = 500;

/**
 * Throws if a run of the key that is newer than `retryOfRunId`, other than `runId`, may have been billed. The list is
 * trusted only once it shows `runId` itself, because visibility lags behind. From now on `runId` is the newest run of
 * the key, so its failure is marked with `isReset`: the key must not be mistaken for an unbilled one.
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
      details: [{ submission: 'not_sent', isReset: true }],
    });
  }
}

/**
 * Throws if a run of the key outside the chain of `runId` may have been billed. This happens when a schedule is
 * backfilled over a time for which it has already fired: it starts again under the key of that firing. The failure is
 * marked with `isReset`, because the key may be billed.
 */
export async function checkOtherChains(
  client: Client,
  key: string,
  runId: string,
  firstExecutionRunId: string,
): Promise<void> {
  for (const run of await listRunsOfKey(client, key, runId)) {
    if (run.runId === runId || run.runId === firstExecutionRunId || (await hasCostNothing(client, run))) continue;
    const described = await findRun(client, key, run.runId);
    if (described?.firstRunId === firstExecutionRunId) continue;
    throw ApplicationFailure.create({
      type: 'InvalidInput',
      message: `key ${key} was ordered before by run ${run.runId}, which may be billed, so the schedule's firing ordered nothing; look at that run, or order under another key`,
      nonRetryable: true,
      details: [{ submission: 'not_sent', isReset: true }],
    });
  }
}

/** Whether visibility shows this run of the key and no other. False for a key that cannot be used in a query. */
export async function isOnlyRunOfKey(client: Client, key: string, runId: string): Promise<boolean> {
  if (!isComparable(key)) return false;
  let isListed = false;
  for await (const page of findRuns(client, `WorkflowId = '${key}'`)) {
    if (page.some((run) => run.runId !== runId)) return false;
    isListed ||= page.length > 0;
  }
  return isListed;
}

/**
 * The runs of a key since `sinceRunId`, or all of them. Waits until they include `runId` itself, and rejects if that
 * takes too long.
 */
export async function listRunsOfKey(
  client: Client,
  key: string,
  runId: string,
  sinceRunId?: string,
): Promise<RunInfo[]> {
  const giveUpAt = Date.now() + visibilityWithinMs;
  const query = await queryFor(client, key, sinceRunId);
  for (;;) {
    const runs: RunInfo[] = [];
    for await (const page of findRuns(client, query)) runs.push(...page.filter((run) => run.key === key));
    if (runs.some((run) => run.runId === runId)) return runs;
    if (Date.now() > giveUpAt) throw new Error(`Temporal's visibility does not show run ${runId} yet`);
    await new Promise((resolve) => setTimeout(resolve, visibilityEveryMs));
  }
}

/**
 * A query that finds at least the runs of a key since the run that was followed. A key that cannot be used in a query
 * is looked for by its longest plain prefix.
 */
async function queryFor(client: Client, key: string, sinceRunId: string | undefined): Promise<string> {
  if (isComparable(key)) return `WorkflowId = '${key}'`;
  const followed = sinceRunId === undefined ? undefined : await findRun(client, key, sinceRunId);
  const plain = plainBeginning(key);
  const beginning = plain === '' ? '' : ` AND WorkflowId STARTS_WITH '${plain}'`;
  const since = followed ? ` AND StartTime >= '${followed.startedAt.toISOString()}'` : '';
  return `WorkflowType = '${generationWorkflowType}'${since}${beginning}`;
}

/** Whether the run ended in a failure which says that nothing was accepted. */
async function hasCostNothing(client: Client, run: RunInfo): Promise<boolean> {
  if (!isClosed(run) || run.status === 'completed') return false;
  try {
    await client.workflow.getHandle(run.key, run.runId, { followRuns: false }).result();
    return false;
  } catch (error) {
    if (!(error instanceof WorkflowFailedError) || !(error.cause instanceof ApplicationFailure)) return false;
    return isUnbilled(readFailureDetails(error.cause).submission);
  }
}
