import { budgetId, budgetNameWords, budgetWorkflowType, isBudgetName } from '../../domain/budget/names.ts';
import { GenerationError } from '../errors.ts';
import { checkArgument } from '../generation/check-arguments.ts';

/** Refuses what cannot be the name of a budget. */
export function checkBudgetName(name: unknown): asserts name is string {
  checkArgument('name', isBudgetName(name), `a name of ${budgetNameWords}`);
}

/** There is no open budget of a name. */
export function noBudget(name: string, cause?: unknown): GenerationError {
  const message = `there is no open budget "${name}": create it, or correct the name`;
  return new GenerationError({ type: 'KeyNotFound', message, key: budgetId(name), cause });
}

/** Refuses a Workflow ID of a budget under which something else runs. */
export function refuseNoBudget(name: string, workflowType: string): void {
  if (workflowType === budgetWorkflowType) return;
  const message = `"${budgetId(name)}" is in use by a workflow of type "${workflowType}", which is no budget: choose another name`;
  throw new GenerationError({ type: 'KeyInUse', message, key: budgetId(name) });
}
