import type { Client } from '@temporalio/client';
import { generationWorkflowType } from '../../domain/names.ts';
import { withClientErrors } from '../convert-errors.ts';
import { readTaskFailure, type TaskFailure } from '../generation/following/task-failure.ts';
import { describeRun, listRuns, type RunInfo } from '../generation/run-info.ts';
import { grpcCode, grpcCodeOf, isOfUnknownAttributes } from '../grpc.ts';
import { isComparable } from '../list-scope.ts';

/** An open generation whose tasks fail on every worker. */
export interface FailingGeneration {
  key: string;
  taskFailure: TaskFailure;
}

/** The failing generations found, and how many were looked at. */
export interface FailingGenerations {
  failing: FailingGeneration[];
  lookedAt: number;
}

const maxLookedAt = 60;
const atOnce = 20;

/** Checks open generations of a task queue: those for which the server reports problems, and the newest ones. */
export async function findFailingGenerations(client: Client, taskQueue: string): Promise<FailingGenerations> {
  return await withClientErrors('', async () => {
    const runs = await runsToLookAt(client, taskQueue);
    const failing: FailingGeneration[] = [];
    for (let at = 0; at < runs.length; at += atOnce) {
      const diagnoses = runs.slice(at, at + atOnce).map((run) => diagnose(client, run));
      for (const found of await Promise.all(diagnoses)) if (found) failing.push(found);
    }
    return { failing, lookedAt: runs.length };
  });
}

async function diagnose(client: Client, { key, runId }: RunInfo): Promise<FailingGeneration | undefined> {
  try {
    const taskFailure = await readTaskFailure(client, await describeRun(client, key, runId));
    return taskFailure && { key, taskFailure };
  } catch (error) {
    // Retention may remove a run while it is read.
    if (grpcCodeOf(error) === grpcCode.notFound) return undefined;
    throw error;
  }
}

async function runsToLookAt(client: Client, taskQueue: string): Promise<RunInfo[]> {
  const ofQueue = isComparable(taskQueue) ? ` AND TaskQueue = '${taskQueue}'` : '';
  const running = `WorkflowType = '${generationWorkflowType}' AND ExecutionStatus = 'Running'${ofQueue}`;
  const reported = await newest(client, `${running} AND TemporalReportedProblems IS NOT NULL`).catch(noneIfRefused);
  const found = [...reported, ...(await newest(client, running))].filter((run) => run.taskQueue === taskQueue);
  return [...new Map(found.map((run) => [run.runId, run])).values()].slice(0, maxLookedAt);
}

async function newest(client: Client, query: string): Promise<RunInfo[]> {
  for await (const page of listRuns(client, query)) return page.slice(0, maxLookedAt);
  return [];
}

/** Returns no runs if the query is refused: older servers do not have the attribute. */
function noneIfRefused(error: unknown): RunInfo[] {
  if (isOfUnknownAttributes(error)) return [];
  throw error;
}
