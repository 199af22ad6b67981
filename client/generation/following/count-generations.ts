import type { Client } from '@temporalio/client';
import { type Phase, phases } from '../../../domain/generation.ts';
import { generationWorkflowType } from '../../../domain/names.ts';
import { named } from '../../convert-errors.ts';
import { type CountScope, createRunCount } from '../../count-runs.ts';
import { isOfUnknownAttributes } from '../../grpc.ts';
import { isTerminal } from './phase.ts';

/** How many generations stand where. */
export interface GenerationCounts {
  byPhase: Partial<Record<Phase, number>>;
  /** Those that have not ended. */
  open: number;
  /** The server knows no search attributes of ours: of those that run it tells the number alone, and detached ends as failed. */
  isDegraded?: true;
}

const running = 'ExecutionStatus = "Running"';
const failed = 'ExecutionStatus = "Failed"';
const stands = (phase: Phase) => `RunComfyPhase = "${phase}"`;

/** One that ended while its submission was unknown, or in the midst of its work, keeps the phase that it had. */
const stood = (phase: Phase) => `((${running} OR ${failed}) AND ${stands(phase)})`;
/** One that says how it has ended still runs for a while: it settles its budgets, and tells its webhook. */
const ends = (phase: Phase, ofStatus: string) => `(${ofStatus} OR (${running} AND ${stands(phase)}))`;
const saysNothing = 'RunComfyPhase IS NULL';

/** As rows are told their phase: each run counts in one of them. */
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

/** What a server tells that knows no search attributes of ours. */
const runsByStatus: Partial<Record<Phase, string>> = {
  succeeded: 'ExecutionStatus = "Completed"',
  failed,
  cancelled: '(ExecutionStatus = "Canceled" OR ExecutionStatus = "Terminated")',
  timed_out: 'ExecutionStatus = "TimedOut"',
};

/** Counts generations by phase, in one short call of Temporal's index for each. */
export function countGenerations(client: Client, scope: CountScope = {}): Promise<GenerationCounts> {
  const count = createRunCount(client, generationWorkflowType, scope);
  return named('', async () => {
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
