import type { Client } from '@temporalio/client';
import type { BudgetState } from '../../domain/budget/budget.ts';
import { budgetWorkflowType } from '../../domain/budget/names.ts';
import { isJsonObject } from '../../domain/json.ts';
import { withClientErrors } from '../convert-errors.ts';
import { decodePayload } from '../decode-payload.ts';
import { listRuns } from '../generation/run-info.ts';

const maxLookedAt = 1_000;

/** Budgets that grant no more reservations. */
export interface SpentBudgets {
  /** How many budgets were looked at: the newest, at most 1,000. */
  lookedAt: number;
  spent: BudgetState[];
}

/**
 * Finds budgets that grant no more reservations, by the state that each published last (at most 20 s old while it is in
 * use). Needs no worker.
 */
export function findSpentBudgets(client: Client): Promise<SpentBudgets> {
  return withClientErrors('', async () => {
    const spent: BudgetState[] = [];
    let lookedAt = 0;
    const query = `WorkflowType = "${budgetWorkflowType}" AND ExecutionStatus = "Running"`;
    for await (const page of listRuns(client, query)) {
      for (const { key, memo } of page) {
        const shown = await decodePayload(client, memo?.[budgetWorkflowType], { workflowId: key });
        lookedAt += 1;
        if (!isJsonObject(shown) || typeof shown['name'] !== 'string') continue;
        const budget = shown as unknown as BudgetState;
        if (budget.availableUsd <= 0 || budget.overUsd > 0) spent.push(budget);
      }
      if (lookedAt >= maxLookedAt) break;
    }
    return { lookedAt, spent };
  });
}
