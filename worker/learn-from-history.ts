import type { Client } from '@temporalio/client';
import type { WaitingKnowledge } from '../activities/waiting/knowledge.ts';
import { workSourceOf } from '../activities/waiting/work-source.ts';
import { isJsonObject } from '../domain/json.ts';
import { generationWorkflowType } from '../domain/names.ts';
import { type FinishedWork, workMemoKey } from '../domain/waiting.ts';

const maxGenerations = 2_000;

/**
 * Teaches a starting worker from the newest finished generations of its queue that ran at the same RunComfy; there is no
 * other database. Returns how many it learned from. Without visibility, or without finished generations, the worker starts
 * without knowledge.
 */
export async function learnFromHistory(
  client: Client,
  waiting: WaitingKnowledge,
  { taskQueue, modelApiBase }: { taskQueue: string; modelApiBase: string },
): Promise<number> {
  const source = workSourceOf(taskQueue, modelApiBase);
  // A name that would need escaping stays out of the query: what each one left behind names its queue as well.
  const ofQueue = /['"\\\p{Cc}]/u.test(taskQueue) ? '' : ` AND TaskQueue = '${taskQueue}'`;
  const query = `WorkflowType = '${generationWorkflowType}' AND ExecutionStatus = 'Completed'${ofQueue}`;
  let [seen, learned] = [0, 0];
  for await (const { memo, startTime } of client.workflow.list({ query, pageSize: 200 })) {
    const work = memo?.[workMemoKey];
    if (isFinishedWork(work) && work.source === source) {
      waiting.learn(work, startTime.getTime());
      learned += 1;
    }
    seen += 1;
    if (seen >= maxGenerations) break;
  }
  return learned;
}

/** A memo can be written by any client. */
function isFinishedWork(value: unknown): value is FinishedWork {
  if (!isJsonObject(value)) return false;
  const { workKey, model, totalMs, workMs, queueMs, runMs } = value;
  const isMs = (ms: unknown) => typeof ms === 'number' && ms >= 0 && Number.isFinite(ms);
  const isOptionalMs = (ms: unknown) => ms === undefined || isMs(ms);
  return (
    typeof workKey === 'string' &&
    typeof model === 'string' &&
    isMs(totalMs) &&
    isOptionalMs(workMs) &&
    isOptionalMs(queueMs) &&
    isOptionalMs(runMs)
  );
}
