import type { Client } from '@temporalio/client';
import type { BatchEndPhase } from '../domain/batch/batch.ts';
import { budgetWorkflowType } from '../domain/budget/names.ts';
import { batchWorkflowType, pipelineWorkflowType } from '../domain/names.ts';
import type { PipelineEndPhase } from '../domain/pipeline/pipeline-run.ts';
import { type BudgetFilter, scopeOfBudgets } from './budget/list-budgets.ts';
import { withClientErrors } from './convert-errors.ts';
import { type CountScope, createRunCount } from './count-runs.ts';
import { isOfUnknownAttributes } from './grpc.ts';

/** The number of open runs, and of ended runs by how they ended. */
export interface EndCounts<EndPhase extends string> {
  byPhase: Partial<Record<EndPhase, number>>;
  /** Runs that have not ended; their phases are not in the index. */
  open: number;
  /** The server does not have our search attributes, so there are no counts by phase. */
  isDegraded?: true;
}

const running = 'ExecutionStatus = "Running"';
const completed = 'ExecutionStatus = "Completed"';
const stopped = 'ExecutionStatus = "Canceled" OR ExecutionStatus = "Terminated"';
const timedOut = 'ExecutionStatus = "TimedOut"';
const tells = (phase: string) => `RunComfyPhase = "${phase}"`;
const tellsNothing = 'RunComfyPhase IS NULL';
const pipelineTells = (phase: string) => `((${completed} OR ExecutionStatus = "Failed") AND ${tells(phase)})`;

/**
 * Index clauses by final phase, by the same rules as the phases of listed rows: each ended run counts in exactly one.
 */
const endsOfPipelines: Record<PipelineEndPhase, string> = {
  succeeded: `(${pipelineTells('succeeded')} OR (${completed} AND ${tellsNothing}))`,
  partial: pipelineTells('partial'),
  failed: `(${pipelineTells('failed')} OR (ExecutionStatus = "Failed" AND ${tellsNothing}))`,
  cancelled: `(${stopped} OR ${pipelineTells('cancelled')})`,
  timed_out: `(${timedOut} OR ${pipelineTells('timed_out')})`,
};

const endsOfBatches: Record<BatchEndPhase, string> = {
  succeeded: `(${completed} AND (${tells('succeeded')} OR ${tellsNothing}))`,
  partial: `(${completed} AND ${tells('partial')})`,
  failed: `(ExecutionStatus = "Failed" OR (${completed} AND ${tells('failed')}))`,
  cancelled: `(${stopped} OR ${timedOut} OR (${completed} AND ${tells('cancelled')}))`,
};

/** Counts pipelines with one short call to Temporal's index for each final phase, and one for the open ones. */
export function countPipelines(client: Client, scope: CountScope = {}): Promise<EndCounts<PipelineEndPhase>> {
  return countEnds(client, pipelineWorkflowType, scope, endsOfPipelines);
}

/** Counts batches with one short call to Temporal's index for each final phase, and one for the open ones. */
export function countBatches(client: Client, scope: CountScope = {}): Promise<EndCounts<BatchEndPhase>> {
  return countEnds(client, batchWorkflowType, scope, endsOfBatches);
}

/** Counts open budgets with one short call to Temporal's index. */
export function countBudgets(client: Client, { namePrefix = '' }: BudgetFilter = {}): Promise<{ open: number }> {
  const count = createRunCount(client, budgetWorkflowType, scopeOfBudgets(namePrefix));
  return withClientErrors('', async () => {
    const { open = 0 } = await count({ open: running });
    return { open };
  });
}

function countEnds<EndPhase extends string>(
  client: Client,
  workflowType: string,
  scope: CountScope,
  ends: Record<EndPhase, string>,
): Promise<EndCounts<EndPhase>> {
  const count = createRunCount(client, workflowType, scope);
  return withClientErrors('', async () => {
    const { open = 0 } = await count({ open: running });
    try {
      return { byPhase: await count(ends), open };
    } catch (error) {
      if (!isOfUnknownAttributes(error)) throw error;
      return { byPhase: {}, open, isDegraded: true };
    }
  });
}
