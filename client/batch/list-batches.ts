import type { Client } from '@temporalio/client';
import { type BatchCounts, type BatchPhase, batchPhases } from '../../domain/batch/batch.ts';
import { withoutUndefined } from '../../domain/json.ts';
import { batchWorkflowType } from '../../domain/names.ts';
import { checkArgument } from '../generation/check-arguments.ts';
import { listRuns, type RunInfo } from '../generation/run-info.ts';
import { phaseOfRun, readBatchMemo } from './read-batch-state.ts';

/** Which batches are listed. */
export interface BatchFilter {
  phase?: BatchPhase | undefined;
  /** Default 100; `Infinity` for all. */
  limit?: number | undefined;
}

/** A batch as Temporal lists it, by the short form that it leaves in its memo. */
export interface ListedBatch {
  key: string;
  runId: string;
  phase: BatchPhase;
  counts?: BatchCounts;
  costUsd?: number;
  startedAt: string;
  closedAt?: string;
}

const defaultLimit = 100;
const rowsAtOnce = 20;

/** Lists batches: first those that run, then those that ended, the newest first. Needs no worker. */
export async function* listBatches(
  client: Client,
  { phase, limit = defaultLimit }: BatchFilter = {},
): AsyncGenerator<ListedBatch, void, undefined> {
  const isPhase = phase === undefined || batchPhases.includes(phase);
  checkArgument('filter.phase', isPhase, `one of ${batchPhases.join(', ')}`);
  checkArgument('filter.limit', typeof limit === 'number' && limit > 0, 'a number above 0');
  let told = 0;
  const query = `WorkflowType = "${batchWorkflowType}" AND ExecutionStatus != "ContinuedAsNew"`;
  for await (const page of listRuns(client, query)) {
    for (let at = 0; at < page.length; at += rowsAtOnce) {
      const rows = await Promise.all(page.slice(at, at + rowsAtOnce).map((run) => describeRow(client, run)));
      for (const row of rows) {
        if (phase !== undefined && row.phase !== phase) continue;
        yield row;
        told += 1;
        if (told >= limit) return;
      }
    }
  }
}

async function describeRow(client: Client, run: RunInfo): Promise<ListedBatch> {
  const { key, runId, startedAt, closedAt } = run;
  const memo = await readBatchMemo(client, key, runId);
  return withoutUndefined({
    key,
    runId,
    phase: phaseOfRun(run, memo.phase),
    counts: memo.counts,
    costUsd: memo.costUsd,
    startedAt: startedAt.toISOString(),
    closedAt: closedAt?.toISOString(),
  });
}
