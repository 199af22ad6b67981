import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { type Phase, phases } from '../../../domain/generation.ts';
import { generationWorkflowType } from '../../../domain/names.ts';
import { named } from '../../convert-errors.ts';
import { grpcCode, grpcCodeOf, isBusy } from '../../grpc.ts';
import { checkScope, type ListScope, scopeClauses } from '../../list-scope.ts';
import { isTerminal } from './phase.ts';

/** How many generations stand where. */
export interface GenerationCounts {
  byPhase: Partial<Record<Phase, number>>;
  /** Those that have not ended. */
  open: number;
  /** The server knows no search attributes of ours: of those that run it tells the number alone, and detached ends as failed. */
  isDegraded?: true;
}

const longestPauseMs = 2_000;

const running = 'ExecutionStatus = "Running"';
const failed = 'ExecutionStatus = "Failed"';
const stands = (phase: Phase) => `RunComfyPhase = "${phase}"`;

/** One that says how it has ended still runs for a while: it settles its budgets, and tells its webhook. */
const ends = (phase: Phase, ofStatus: string) => `(${ofStatus} OR (${running} AND ${stands(phase)}))`;
const isOfNoOtherEnd = 'RunComfyPhase IS NULL OR (RunComfyPhase != "cancelled" AND RunComfyPhase != "timed_out")';

/** As rows are told their phase: each run counts in one of them. */
const runsIn: Record<Phase, string> = {
  submitting: `${running} AND (${stands('submitting')} OR RunComfyPhase IS NULL)`,
  submission_unknown: `${running} AND ${stands('submission_unknown')}`,
  in_queue: `${running} AND ${stands('in_queue')}`,
  in_progress: `${running} AND ${stands('in_progress')}`,
  fetching_result: `${running} AND ${stands('fetching_result')}`,
  succeeded: ends('succeeded', 'ExecutionStatus = "Completed"'),
  failed: ends('failed', `(${failed} AND (${isOfNoOtherEnd}))`),
  cancelled: ends(
    'cancelled',
    `ExecutionStatus = "Canceled" OR ExecutionStatus = "Terminated" OR (${failed} AND ${stands('cancelled')})`,
  ),
  timed_out: ends('timed_out', `ExecutionStatus = "TimedOut" OR (${failed} AND ${stands('timed_out')})`),
};

/** What a server tells that knows no search attributes of ours. */
const runsByStatus: Partial<Record<Phase, string>> = {
  succeeded: 'ExecutionStatus = "Completed"',
  failed,
  cancelled: '(ExecutionStatus = "Canceled" OR ExecutionStatus = "Terminated")',
  timed_out: 'ExecutionStatus = "TimedOut"',
};

/** Counts generations by phase, in one short call of Temporal's index for each. */
export function countGenerations(client: Client, scope: Pick<ListScope, 'keyPrefix'> = {}): Promise<GenerationCounts> {
  checkScope(scope);
  const ofType = [`WorkflowType = "${generationWorkflowType}"`, ...scopeClauses(scope)].join(' AND ');
  const count = async (clause: string, pauseMs = 250): Promise<number> => {
    try {
      return (await client.workflow.count(`${ofType} AND ${clause}`)).count;
    } catch (error) {
      if (!isBusy(error) || pauseMs > longestPauseMs) throw error;
      await sleep(pauseMs * (0.5 + Math.random()));
      return await count(clause, pauseMs * 2);
    }
  };
  // One after the other: a namespace has ten calls of its index a second, lists included.
  const countAll = async (clauses: Partial<Record<Phase, string>>) => {
    const counted: Partial<Record<Phase, number>> = {};
    for (const phase of phases) {
      const clause = clauses[phase];
      if (clause !== undefined) counted[phase] = await count(clause);
    }
    return counted;
  };
  return named('', async () => {
    try {
      const byPhase = await countAll(runsIn);
      const open = phases.filter((phase) => !isTerminal(phase)).map((phase) => byPhase[phase] ?? 0);
      return { byPhase, open: open.reduce((sum, some) => sum + some, 0) };
    } catch (error) {
      // A server that does not know our search attributes refuses the query.
      if (grpcCodeOf(error) !== grpcCode.invalidArgument) throw error;
      const [byPhase, open] = await Promise.all([countAll(runsByStatus), count(running)]);
      return { byPhase, open, isDegraded: true };
    }
  });
}
