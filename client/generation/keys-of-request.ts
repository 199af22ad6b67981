import type { Client } from '@temporalio/client';
import { generationWorkflowType } from '../../domain/names.ts';
import { named } from '../convert-errors.ts';
import { isOfUnknownAttributes } from '../grpc.ts';
import { isComparable, quote } from '../list-scope.ts';
import { listRunsPage, type RunInfo } from './run-info.ts';

const maxRuns = 100;

/** Who asks for the keys of a request, and where they are looked for. */
interface Asking {
  /** What is ordered or decided, for errors. */
  key: string;
  /** Default: whichever there are. */
  taskQueue?: string;
}

/**
 * The keys of the generations that follow a request, as far as Temporal's index knows: it may lag by seconds. None on a
 * server without our search attributes.
 */
export function findKeysOfRequest(client: Client, requestId: string, { key, taskQueue }: Asking): Promise<string[]> {
  const clauses = [
    `WorkflowType = "${generationWorkflowType}"`,
    ...(taskQueue === undefined || !isComparable(taskQueue) ? [] : [`TaskQueue = ${quote(taskQueue)}`]),
    `RunComfyRequestId IN (${spellingsOf(requestId).map(quote).join(', ')})`,
  ];
  return named(key, async () => {
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
 * Whether the index tells of a request under keys alone that do not begin so: whoever follows it is told its output, and may
 * cancel it.
 */
export async function isRequestOfOthers(
  client: Client,
  requestId: string,
  { key, keyPrefix }: { key: string; keyPrefix: string },
): Promise<boolean> {
  const keys = await findKeysOfRequest(client, requestId, { key });
  return keys.length > 0 && !keys.some((found) => found.startsWith(keyPrefix));
}

/** RunComfy's ids are UUIDs, which mean the same in either case; the index compares letters. */
function spellingsOf(requestId: string): string[] {
  return [...new Set([requestId, requestId.toLowerCase(), requestId.toUpperCase()])];
}
