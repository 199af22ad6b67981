import type { Client } from '@temporalio/client';
import { type BatchCounts, type BatchPhase, batchPhases } from '../../domain/batch/batch.ts';
import { withoutUndefined } from '../../domain/json.ts';
import type { Labels } from '../../domain/labels.ts';
import { batchWorkflowType } from '../../domain/names.ts';
import { withClientErrors } from '../convert-errors.ts';
import { describeKnown, type RunInfo } from '../generation/run-info.ts';
import { listRowPage, listRows, type Paging, type RowFilter, type RowPage } from '../list-rows.ts';
import { phaseOfRun, readBatchMemo } from './read-batch-state.ts';

/** Which batches are listed. */
export type BatchFilter = RowFilter<BatchPhase>;

/** A batch as Temporal lists it, from the summary that it keeps in its memo. */
export interface ListedBatch {
  key: string;
  runId: string;
  phase: BatchPhase;
  counts?: BatchCounts;
  costUsd?: number;
  labels?: Labels;
  startedAt: string;
  closedAt?: string;
  /**
   * The memo is encrypted with a key that is not available here: the phase is taken from the search attribute, and the
   * rest is missing.
   */
  isUndecodable?: true;
}

const listing = (client: Client) => ({
  workflowType: batchWorkflowType,
  phases: batchPhases,
  describeRow: (run: RunInfo) => describeRow(client, run),
});

/** Lists batches: first the open ones, then the ended ones, newest first. Needs no worker. */
export function listBatches(client: Client, filter: BatchFilter = {}): AsyncGenerator<ListedBatch, void, undefined> {
  return listRows(client, listing(client), filter);
}

/** One page of batches, in the same order. */
export function listBatchPage(
  client: Client,
  filter: Omit<BatchFilter, 'limit'>,
  paging: Paging,
): Promise<RowPage<ListedBatch>> {
  return withClientErrors('', () => listRowPage(client, listing(client), filter, paging));
}

async function describeRow(client: Client, listed: RunInfo): Promise<ListedBatch> {
  // The index lags behind, so the run is described; retention may remove it meanwhile.
  const run = (await describeKnown(client, listed.key, listed.runId)) ?? listed;
  const { key, runId, startedAt, closedAt } = run;
  const memo = await readBatchMemo(client, run);
  return withoutUndefined({
    key,
    runId,
    phase: phaseOfRun(run, memo.phase),
    counts: memo.counts,
    costUsd: memo.costUsd,
    startedAt: startedAt.toISOString(),
    closedAt: closedAt?.toISOString(),
    isUndecodable: memo.isUndecodable,
  });
}
