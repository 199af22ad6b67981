import type { Client } from '@temporalio/client';
import { eachWithClientErrors, withClientErrors } from '../convert-errors.ts';
import { describeKnown, listRuns, type RunInfo } from '../generation/run-info.ts';

/** A run of a key, by default the newest; undefined if Temporal has none. Its memo is not decoded. */
export function findRun(client: Client, key: string, runId?: string): Promise<RunInfo | undefined> {
  return withClientErrors(key, () => describeKnown(client, key, runId));
}

/** Every run that a query of Temporal's index finds, page by page. Their memos are not decoded. */
export function findRuns(client: Client, query: string, pageSize?: number): AsyncGenerator<RunInfo[], void, undefined> {
  return eachWithClientErrors('', () => listRuns(client, query, pageSize));
}
