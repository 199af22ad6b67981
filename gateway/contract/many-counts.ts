import { z } from 'zod';
import type { BatchEndPhase } from '../../domain/batch/batch.ts';
import type { PipelineEndPhase } from '../../domain/pipeline/pipeline-run.ts';
import { time } from './generation.ts';

const count = z.exactOptional(z.int().min(0));

const description = 'Ways to end; one is missing where the server cannot tell it.';

const pipelinesByPhase = z
  .object({
    succeeded: count,
    partial: count,
    failed: count,
    cancelled: count,
    timed_out: count,
  } satisfies Record<PipelineEndPhase, unknown>)
  .meta({ id: 'PipelinesByPhase', description });

const batchesByPhase = z
  .object({
    succeeded: count,
    partial: count,
    failed: count,
    cancelled: count,
  } satisfies Record<BatchEndPhase, unknown>)
  .meta({ id: 'BatchesByPhase', description });

const others = {
  open: z.int().min(0).meta({ description: 'Those that have not ended; where each stands it tells itself.' }),
  asOf: time,
};

const asOf = '2026-11-26T05:00:09.120Z';

/** The number of open pipelines, and of ended ones by how they ended. */
export const pipelineCounts = z.object({ byPhase: pipelinesByPhase, ...others }).meta({
  id: 'CountsOfPipelines',
  examples: [{ byPhase: { succeeded: 12, failed: 1 }, open: 3, asOf }],
});

/** The number of open budgets. */
export const budgetCounts = z
  .object({ open: z.int().min(0).meta({ description: 'Those that are not closed.' }), asOf: time })
  .meta({ id: 'CountsOfBudgets', examples: [{ open: 2, asOf }] });

/** The number of open batches, and of ended ones by how they ended. */
export const batchCounts = z.object({ byPhase: batchesByPhase, ...others }).meta({
  id: 'CountsOfBatches',
  examples: [{ byPhase: { succeeded: 12, partial: 1 }, open: 1, asOf }],
});
