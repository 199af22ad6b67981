import { ApplicationFailure, CancelledFailure, type Client, WorkflowFailedError } from '@temporalio/client';
import type { OrderEnd, Settlement } from '../../domain/budget/budget.ts';
import { finalSettlementOf, presumedSettlement } from '../../domain/budget/settlement.ts';
import { readFailureDetails } from '../../domain/failure-details.ts';
import type { GenerationResult } from '../../domain/generation.ts';
import { generationWorkflowType } from '../../domain/names.ts';
import { named } from '../convert-errors.ts';
import { readState } from '../generation/following/read-state.ts';
import { describeRun, isClosed, type RunDescription } from '../generation/run-info.ts';

/**
 * What the order of a key has come to, for a budget that lost sight of it. Only the generation's own word says that it cost
 * nothing: one that was ended from outside is presumed to have been billed. `KeyNotFound` where Temporal knows it no longer.
 */
export async function lookUpOrder(client: Client, key: string): Promise<Settlement | 'open'> {
  return await named(key, async () => {
    const run = await describeRun(client, key);
    if (!isClosed(run)) return 'open';
    const end = run.workflowType === generationWorkflowType ? await endOf(client, run) : undefined;
    return end ? finalSettlementOf(key, end) : presumedSettlement(key);
  });
}

/** How a generation says that it ended; undefined: it could not say anything. */
async function endOf(client: Client, { key, runId }: RunDescription): Promise<OrderEnd | undefined> {
  try {
    const result = (await client.workflow.result(key, runId, { followRuns: false })) as GenerationResult;
    return { submission: 'accepted', phase: 'succeeded', costUsd: result.costUsd };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const { cause } = error;
    if (cause instanceof ApplicationFailure) {
      const { submission, phase, ...details } = readFailureDetails(cause);
      return submission === undefined || phase === undefined ? undefined : { submission, phase, ...details };
    }
    if (!(cause instanceof CancelledFailure)) return undefined;
    const state = await readState(client, key, { runId });
    if (state.isFromServer) throw new Error('no worker answers what a cancelled generation came to', { cause });
    return state;
  }
}
