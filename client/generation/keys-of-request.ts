import type { Client } from '@temporalio/client';
import { generationWorkflowType } from '../../domain/names.ts';
import { withClientErrors } from '../convert-errors.ts';
import { isOfUnknownAttributes } from '../grpc.ts';
import { isComparable, quote } from '../list-scope.ts';
import { listRunsPage, type RunInfo } from './run-info.ts';

const maxRuns = 100;

/** On whose behalf the keys are looked up, and on which task queue. */
interface Asking {
  /** Key of the order or decision, for errors. */
  key: string;
  /** Default: any. */
  taskQueue?: string;
}

/**
 * The keys of the generations that follow a request, from Temporal's index, which may lag by seconds. Empty on a server
 * without our search attributes.
 */
export function findKeysOfRequest(client: Client, requestId: string, { key, taskQueue }: Asking): Promise<string[]> {
  const clauses = [
    `WorkflowType = "${generationWorkflowType}"`,
    ...(taskQueue === undefined || !isComparable(taskQueue) ? [] : [`TaskQueue = ${quote(taskQueue)}`]),
    `RunComfyRequestId IN (${spellingsOf(requestId).map(quote).join(', ')})`,
  ];
  return withClientErrors(key, async () => {
    try {
      const { runs } = await listRunsPage(client, clauses.join(' AND '), { pageSize: maxRuns });
      const isMeant = (run: RunInfo) => taskQueue === undefined || run.taskQueue === taskQueue;
      return runs.filter(isMeant).map((run) => run.key);
    } catch (error) {
      if (isOfUnknownAttributes(error)) return [];
      throw error;
    }
  });
}

/**
 * Whether all generations that follow a request, according to the index, have keys without this prefix. Following a
 * request means reading its output and being able to cancel it.
 */
export async function isRequestOfOthers(
  client: Client,
  requestId: string,
  { key, keyPrefix }: { key: string; keyPrefix: string },
): Promise<boolean> {
  const keys = await findKeysOfRequest(client, requestId, { key });
  return keys.length > 0 && !keys.some((found) => found.startsWith(keyPrefix));
}

/** RunComfy's ids are UUIDs, which are case-insensitive; the index is not. */
function spellingsOf(requestId: string): string[] {
  return [...new Set([requestId, requestId.toLowerCase(), requestId.toUpperCase()])];
}
