import type { Client } from '@temporalio/client';
import type { Settlement } from '../../domain/budget/budget.ts';
import { finalSettlementOf, presumedSettlement } from '../../domain/budget/settlement.ts';
import { generationWorkflowType } from '../../domain/names.ts';
import { withClientErrors } from '../convert-errors.ts';
import { readOrderEnd } from '../generation/following/read-order-end.ts';
import { describeRun, isClosed } from '../generation/run-info.ts';

/**
 * What the order of a key has cost, for a budget that lost track of it. Only the generation's own report proves that it
 * cost nothing: one that was ended from outside is presumed to have been billed. Throws `KeyNotFound` if Temporal does
 * not know the key any more.
 */
export async function lookUpOrder(client: Client, key: string): Promise<Settlement | 'open'> {
  return await withClientErrors(key, async () => {
    const run = await describeRun(client, key);
    if (!isClosed(run)) return 'open';
    const end = run.workflowType === generationWorkflowType ? await readOrderEnd(client, run) : undefined;
    return end ? finalSettlementOf(key, end) : presumedSettlement(key);
  });
}
