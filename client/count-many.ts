import type { Client } from '@temporalio/client';
import type { BatchEndPhase } from '../domain/batch/batch.ts';
import { budgetWorkflowType } from '../domain/budget/names.ts';
import { batchWorkflowType, pipelineWorkflowType } from '../domain/names.ts';
import type { PipelineEndPhase } from '../domain/pipeline/pipeline-run.ts';
import { type BudgetFilter, scopeOfBudgets } from './budget/list-budgets.ts';
import { named } from './convert-errors.ts';
import { type CountScope, createRunCount } from './count-runs.ts';
import { isOfUnknownAttributes } from './grpc.ts';

/** How many run, and how many ended in which way. */
export interface EndCounts<EndPhase extends string> {
  byPhase: Partial<Record<EndPhase, number>>;
  /** Those that have not ended: where each of them stands it alone knows. */
  open: number;
  /** The server knows no search attributes of ours: what needs them is missing. */
  isDegraded?: true;
}

const running = 'ExecutionStatus = "Running"';
const completed = 'ExecutionStatus = "Completed"';
const stopped = 'ExecutionStatus = "Canceled" OR ExecutionStatus = "Terminated"';
const timedOut = 'ExecutionStatus = "TimedOut"';
const tells = (phase: string) => `RunComfyPhase = "${phase}"`;
const tellsNothing = 'RunComfyPhase IS NULL';
const pipelineTells = (phase: string) => `((${completed} OR ExecutionStatus = "Failed") AND ${tells(phase)})`;

/** As rows are told their phase: each run that has ended counts in one of them. */
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

/** Counts pipelines, in one short call of Temporal's index for each way to end, and one for those that run. */
export function countPipelines(client: Client, scope: CountScope = {}): Promise<EndCounts<PipelineEndPhase>> {
  return countEnds(client, pipelineWorkflowType, scope, endsOfPipelines);
}

/** Counts batches, in one short call of Temporal's index for each way to end, and one for those that run. */
export function countBatches(client: Client, scope: CountScope = {}): Promise<EndCounts<BatchEndPhase>> {
  return countEnds(client, batchWorkflowType, scope, endsOfBatches);
}

/** Counts the budgets that are open, in one short call of Temporal's index. */
export function countBudgets(client: Client, { namePrefix = '' }: BudgetFilter = {}): Promise<{ open: number }> {
  const count = createRunCount(client, budgetWorkflowType, scopeOfBudgets(namePrefix));
  return named('', async () => {
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
  return named('', async () => {
    const { open = 0 } = await count({ open: running });
    try {
      return { byPhase: await count(ends), open };
    } catch (error) {
      if (!isOfUnknownAttributes(error)) throw error;
      return { byPhase: {}, open, isDegraded: true };
    }
  });
}
