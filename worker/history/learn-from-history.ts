import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { WaitingKnowledge } from '../../activities/waiting/knowledge.ts';
import { workSourceOf } from '../../activities/waiting/work-source.ts';
import { decodePayload, findRuns, isComparable, undecodable } from '../../client/operator/index.ts';
import { isJsonObject } from '../../domain/json.ts';
import { generationWorkflowType } from '../../domain/names.ts';
import { isModelId } from '../../domain/request.ts';
import { type FinishedWork, maxWorkKeyLength, workMemoKey } from '../../domain/waiting.ts';

const maxGenerations = 2_000;
const pageSize = 200;

const undecodableSentence =
  'the durations of finished generations cannot all be decoded here, and nothing is learned from those; check RUNCOMFY_CODEC_KEYS_FILE';

/** What a starting worker learned. */
export interface LearnedFromHistory {
  learned: number;
  /** Generations whose memo cannot be decoded here: encrypted with a key that this worker lacks, for instance. */
  undecodable: number;
}

/**
 * Lets a starting worker learn from the newest finished generations of its queue that ran against the same RunComfy;
 * there is no other database. Without visibility or finished generations, the worker starts without knowledge.
 */
export async function learnFromHistory(
  client: Client,
  waiting: WaitingKnowledge,
  { taskQueue, modelApiBase }: { taskQueue: string; modelApiBase: string },
): Promise<LearnedFromHistory> {
  const source = workSourceOf(taskQueue, modelApiBase);
  // A queue name that no query can compare is left out of the query; the `source` of each memo names the queue as well.
  const ofQueue = isComparable(taskQueue) ? ` AND TaskQueue = '${taskQueue}'` : '';
  const query = `WorkflowType = '${generationWorkflowType}' AND ExecutionStatus = 'Completed'${ofQueue}`;
  const found: LearnedFromHistory = { learned: 0, undecodable: 0 };
  let seen = 0;
  for await (const page of findRuns(client, query, pageSize)) {
    for (const { key, memo, startedAt } of page) {
      const work = await decodePayload(client, memo?.[workMemoKey], { workflowId: key });
      if (work === undecodable) found.undecodable += 1;
      if (isFinishedWork(work) && work.source === source) {
        waiting.learn(work, startedAt.getTime());
        found.learned += 1;
      }
      seen += 1;
      if (seen >= maxGenerations) return found;
    }
  }
  return found;
}

/** Runs `learnFromHistory` and logs the result. */
export async function learnAndTell(
  client: Client,
  waiting: WaitingKnowledge,
  { log, ...place }: { taskQueue: string; modelApiBase: string; log: Logger },
): Promise<void> {
  try {
    const found = await learnFromHistory(client, waiting, place);
    log.debug({ count: found.learned }, 'learned from finished generations how long such work takes');
    if (found.undecodable > 0) log.warn({ count: found.undecodable }, undecodableSentence);
  } catch (error) {
    log.warn({ error }, 'the finished generations could not be listed; waiting starts without knowledge');
  }
}

/** Validates a memo, because any client can write one and its contents are kept in memory. */
function isFinishedWork(value: unknown): value is FinishedWork {
  if (!isJsonObject(value)) return false;
  const { workKey, model, totalMs, workMs, queueMs, runMs } = value;
  const isMs = (ms: unknown) => typeof ms === 'number' && ms >= 0 && Number.isFinite(ms);
  const isOptionalMs = (ms: unknown) => ms === undefined || isMs(ms);
  return (
    typeof workKey === 'string' &&
    workKey.length <= maxWorkKeyLength &&
    isModelId(model) &&
    isMs(totalMs) &&
    isOptionalMs(workMs) &&
    isOptionalMs(queueMs) &&
    isOptionalMs(runMs)
  );
}
