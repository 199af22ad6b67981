import { ApplicationFailure, CancelledFailure, type Client, WorkflowFailedError } from '@temporalio/client';
import type { OrderEnd } from '../../../domain/budget/budget.ts';
import { readFailureDetails } from '../../../domain/failure-details.ts';
import type { GenerationResult } from '../../../domain/generation.ts';
import { readState } from './read-state.ts';

/** How a closed generation reports its end; undefined if it could not report anything. */
export async function readOrderEnd(
  client: Client,
  { key, runId }: { key: string; runId: string },
): Promise<OrderEnd | undefined> {
  try {
    const result = (await client.workflow.result(key, runId, { followRuns: false })) as GenerationResult;
    const { costUsd, priceUsd, otherRequestIds, otherCostUsd, otherCostsUnknown } = result;
    const others = { otherRequestIds, otherCostUsd, otherCostsUnknown };
    return { submission: 'accepted', phase: 'succeeded', costUsd, priceUsd, ...others };
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
