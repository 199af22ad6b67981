import type { Client } from '@temporalio/client';
import { type Phase, phases } from '../../../domain/generation.ts';
import { generationWorkflowType } from '../../../domain/names.ts';
import { withClientErrors } from '../../convert-errors.ts';
import { type CountScope, createRunCount } from '../../count-runs.ts';
import { isOfUnknownAttributes } from '../../grpc.ts';
import { isTerminal } from './phase.ts';

/** The number of generations by phase. */
export interface GenerationCounts {
  byPhase: Partial<Record<Phase, number>>;
  /** Generations that have not ended. */
  open: number;
  /**
   * The server does not have our search attributes: open generations are counted without their phase, and detached ones
   * count as failed.
   */
  isDegraded?: true;
}

const running = 'ExecutionStatus = "Running"';
const failed = 'ExecutionStatus = "Failed"';
const stands = (phase: Phase) => `RunComfyPhase = "${phase}"`;

/** A generation that ended with an unknown submission, or in the middle of its work, keeps its last phase. */
const stood = (phase: Phase) => `((${running} OR ${failed}) AND ${stands(phase)})`;
/** A generation that has set its final phase runs on for a while, to settle its budgets and call its webhook. */
const ends = (phase: Phase, ofStatus: string) => `(${ofStatus} OR (${running} AND ${stands(phase)}))`;
const saysNothing = 'RunComfyPhase IS NULL';

/** Index clauses by phase, by the same rules as the phases of listed rows: each run counts in exactly one. */
const runsIn: Record<Phase, string> = {
  submitting: `(${stood('submitting')} OR (${running} AND ${saysNothing}))`,
  submission_unknown: stood('submission_unknown'),
  in_queue: stood('in_queue'),
  in_progress: stood('in_progress'),
  fetching_result: stood('fetching_result'),
  succeeded: ends('succeeded', 'ExecutionStatus = "Completed"'),
  failed: ends('failed', `(${failed} AND (${saysNothing} OR ${stands('failed')}))`),
  cancelled: ends(
    'cancelled',
    `ExecutionStatus = "Canceled" OR ExecutionStatus = "Terminated" OR (${failed} AND ${stands('cancelled')})`,
  ),
  timed_out: ends('timed_out', `ExecutionStatus = "TimedOut" OR (${failed} AND ${stands('timed_out')})`),
};

const saysNoEnd = phases.filter(isTerminal).map((phase) => `RunComfyPhase != "${phase}"`);
const runsOn = `${running} AND (${saysNothing} OR (${saysNoEnd.join(' AND ')}))`;

/** Clauses for a server that does not have our search attributes. */
const runsByStatus: Partial<Record<Phase, string>> = {
  succeeded: 'ExecutionStatus = "Completed"',
  failed,
  cancelled: '(ExecutionStatus = "Canceled" OR ExecutionStatus = "Terminated")',
  timed_out: 'ExecutionStatus = "TimedOut"',
};

/** Counts generations by phase, with one short call to Temporal's index for each. */
export function countGenerations(client: Client, scope: CountScope = {}): Promise<GenerationCounts> {
  const count = createRunCount(client, generationWorkflowType, scope);
  return withClientErrors('', async () => {
    try {
      const byPhase = await count(runsIn);
      const { open = 0 } = await count({ open: runsOn });
      return { byPhase, open };
    } catch (error) {
      if (!isOfUnknownAttributes(error)) throw error;
      const byPhase = await count(runsByStatus);
      const { open = 0 } = await count({ open: running });
      return { byPhase, open, isDegraded: true };
    }
  });
}
