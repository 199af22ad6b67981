import type { Client } from '@temporalio/client';
import { openBooks, stateOf } from '../../domain/budget/books.ts';
import { type BudgetPeriod, type BudgetState, cancelledWords } from '../../domain/budget/budget.ts';
import { budgetId, budgetWorkflowType } from '../../domain/budget/names.ts';
import { parseBudgetRequest } from '../../domain/budget/parse.ts';
import { isJsonObject } from '../../domain/json.ts';
import { GenerationError } from '../errors.ts';
import { describeRun } from '../generation/run-info.ts';
import { startWorkflow } from '../generation/starting/start-workflow.ts';
import { checkBudgetName, refuseBudget, refuseNoBudget, toPlain } from './budget-errors.ts';
import { readBudget } from './read-budget.ts';

/** Orders wait for a budget's reply, so its tasks have the highest priority. */
const priority = { priorityKey: 1 };

const refusal = 'the budget was not created';

/** A budget to be created. */
export interface NewBudget {
  /** 1 to 100 letters, digits, `.`, `_` or `-`, a letter or digit first. */
  name: string;
  /** USD from 0 with at most 6 decimals. */
  limitUsd: number;
  /** Default `total`. */
  period?: BudgetPeriod | undefined;
}

/** The budget that `create` made or found. */
export interface CreatedBudget extends BudgetState {
  /** This call created it; there was no open budget of this name. */
  isNew: boolean;
}

/**
 * Creates a budget, or finds the one with the same name, limit and period. A closed one is created anew. If the
 * workflow of an existing one was cancelled and has not ended yet, throws `StillRunning`.
 */
export async function createBudget(client: Client, taskQueue: string, budget: NewBudget): Promise<CreatedBudget> {
  const given = toPlain(budget, refusal);
  const { name, ...request } = isJsonObject(given) ? given : {};
  checkBudgetName(name);
  const parsed = parseBudgetRequest(request);
  if (!parsed.ok) throw refuseBudget(refusal, parsed.issues);
  const { limitUsd, period } = parsed.value;
  const workflowId = budgetId(name);
  const { isNew } = await startWorkflow(client.workflow, budgetWorkflowType, {
    workflowId,
    taskQueue,
    args: [parsed.value],
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    workflowIdConflictPolicy: 'USE_EXISTING',
    staticSummary: `budget of ${String(limitUsd)} USD`,
    priority,
  });
  if (isNew) return { ...stateOf(openBooks(parsed.value, Date.now()), name, Date.now()), isNew };
  refuseNoBudget(name, (await describeRun(client, workflowId)).workflowType);
  const { isFromServer: _, ...state } = await readBudget(client, name);
  if (state.warning === cancelledWords && !state.isClosed) {
    const message = `budget "${name}" is open still: ${cancelledWords}; create it again then`;
    throw new GenerationError({ type: 'StillRunning', message, key: workflowId });
  }
  if (state.limitUsd === limitUsd && state.period === (period ?? 'total')) return { ...state, isNew };
  const message = `budget "${name}" exists with a limit of ${String(state.limitUsd)} USD (${state.period}): set its limit, or choose another name`;
  throw new GenerationError({ type: 'KeyInUse', message, key: workflowId });
}
