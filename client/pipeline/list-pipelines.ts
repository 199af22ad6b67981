import type { Client } from '@temporalio/client';
import { withoutUndefined } from '../../domain/json.ts';
import type { Labels } from '../../domain/labels.ts';
import { pipelineWorkflowType } from '../../domain/names.ts';
import { type PipelinePhase, pipelinePhases } from '../../domain/pipeline/pipeline-run.ts';
import { withClientErrors } from '../convert-errors.ts';
import { describeKnown, type RunInfo } from '../generation/run-info.ts';
import { listRowPage, listRows, type Paging, type RowFilter, type RowPage } from '../list-rows.ts';
import { phaseOfRun, readMemo } from './read-pipeline-state.ts';

/** Which pipelines are listed. */
export type PipelineFilter = RowFilter<PipelinePhase>;

/** A pipeline as Temporal lists it, from the summary that it keeps in its memo. */
export interface ListedPipeline {
  key: string;
  runId: string;
  phase: PipelinePhase;
  costUsd?: number;
  /** Number of steps; `succeeded` is the number of those that have succeeded. */
  steps?: number;
  succeeded?: number;
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
  workflowType: pipelineWorkflowType,
  phases: pipelinePhases,
  describeRow: (run: RunInfo) => describeRow(client, run),
});

/** Lists pipelines: first the open ones, then the ended ones, newest first. Needs no worker. */
export function listPipelines(
  client: Client,
  filter: PipelineFilter = {},
): AsyncGenerator<ListedPipeline, void, undefined> {
  return listRows(client, listing(client), filter);
}

/** One page of pipelines, in the same order. */
export function listPipelinePage(
  client: Client,
  filter: Omit<PipelineFilter, 'limit'>,
  paging: Paging,
): Promise<RowPage<ListedPipeline>> {
  return withClientErrors('', () => listRowPage(client, listing(client), filter, paging));
}

async function describeRow(client: Client, listed: RunInfo): Promise<ListedPipeline> {
  // The index lags behind, so the run is described; retention may remove it meanwhile.
  const run = (await describeKnown(client, listed.key, listed.runId)) ?? listed;
  const { key, runId, startedAt, closedAt } = run;
  const { memo, isUndecodable } = await readMemo(client, run);
  const steps = Object.values(memo['steps'] ?? {});
  const { costUsd } = memo;
  return withoutUndefined({
    key,
    runId,
    phase: phaseOfRun(run, memo),
    costUsd: typeof costUsd === 'number' ? costUsd : undefined,
    steps: steps.length === 0 ? undefined : steps.length,
    succeeded: steps.length === 0 ? undefined : steps.filter((step) => step === 'succeeded').length,
    startedAt: startedAt.toISOString(),
    closedAt: closedAt?.toISOString(),
    isUndecodable,
  });
}
