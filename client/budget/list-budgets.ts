import type { Client } from '@temporalio/client';
import { budgetId, budgetNameOf, budgetWorkflowType } from '../../domain/budget/names.ts';
import { isGenerationError } from '../errors.ts';
import { checkArgument } from '../generation/check-arguments.ts';
import { listRuns } from '../generation/run-info.ts';
import { scopeClauses } from '../list-scope.ts';
import { type KnownBudgetState, readBudget } from './read-budget.ts';

/** Which budgets are listed. */
export interface BudgetFilter {
  /** Only names that begin so. */
  namePrefix?: string | undefined;
}

/** The budgets that are open, as they stand now. */
export async function* listBudgets(
  client: Client,
  { namePrefix = '' }: BudgetFilter = {},
): AsyncGenerator<KnownBudgetState, void, undefined> {
  checkArgument('filter.namePrefix', typeof namePrefix === 'string', 'text');
  const ofType = `WorkflowType = "${budgetWorkflowType}" AND ExecutionStatus = "Running"`;
  const query = [ofType, ...scopeClauses(namePrefix === '' ? {} : { keyPrefix: budgetId(namePrefix) })].join(' AND ');
  const told = new Set<string>();
  for await (const page of listRuns(client, query)) {
    for (const { key } of page) {
      const name = budgetNameOf(key);
      // A server on SQL takes a prefix in small and in capital letters alike.
      if (name === undefined || !name.startsWith(namePrefix) || told.has(name)) continue;
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
