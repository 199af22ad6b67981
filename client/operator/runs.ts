import type { Client } from '@temporalio/client';
import { eachNamed, named } from '../convert-errors.ts';
import { describeKnown, listRuns, type RunInfo } from '../generation/run-info.ts';

/** A run of a key, the newest unless told otherwise; undefined where Temporal has none. Its memo is as it came, undecoded. */
export function findRun(client: Client, key: string, runId?: string): Promise<RunInfo | undefined> {
  return named(key, () => describeKnown(client, key, runId));
}

/** Every run that a query of Temporal's index finds, page by page, the memos undecoded. */
export function findRuns(client: Client, query: string, pageSize?: number): AsyncGenerator<RunInfo[], void, undefined> {
  return eachNamed('', () => listRuns(client, query, pageSize));
}
