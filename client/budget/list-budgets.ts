import type { Client } from '@temporalio/client';
import { budgetNameOf, budgetWorkflowType } from '../../domain/budget/names.ts';
import { isGenerationError } from '../errors.ts';
import { listRuns } from '../generation/run-info.ts';
import { type KnownBudgetState, readBudget } from './read-budget.ts';

/** The budgets that are open, as they stand now. */
export async function* listBudgets(client: Client): AsyncGenerator<KnownBudgetState, void, undefined> {
  const query = `WorkflowType = "${budgetWorkflowType}" AND ExecutionStatus = "Running"`;
  const told = new Set<string>();
  for await (const page of listRuns(client, query)) {
    for (const { key } of page) {
      const name = budgetNameOf(key);
      if (name === undefined || told.has(name)) continue;
      told.add(name);
      const state = await readBudget(client, name).catch((error: unknown) => {
        // Closed while the list was read, or never seen by a worker yet.
        if (isGenerationError(error) && (error.type === 'KeyNotFound' || error.type === 'NoWorker')) return undefined;
        throw error;
      });
      if (state && !state.isClosed) yield state;
    }
  }
}
