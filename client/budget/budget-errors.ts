import { budgetId, budgetNameWords, budgetWorkflowType, isBudgetName } from '../../domain/budget/names.ts';
import type { InputIssue } from '../../domain/generation.ts';
import { issuesSentence } from '../../domain/issues.ts';
import { GenerationError } from '../errors.ts';
import { checkArgument } from '../generation/check-arguments.ts';
import { toJsonText } from '../generation/starting/to-json.ts';

/** Refuses a value that cannot be a budget's name. */
export function checkBudgetName(name: unknown): asserts name is string {
  checkArgument('name', isBudgetName(name), `a name of ${budgetNameWords}`);
}

/** The error for an invalid budget, or an invalid change of one. */
export function refuseBudget(what: string, issues: InputIssue[]): GenerationError {
  const message = `${what}: ${issuesSentence(issues)}`;
  return new GenerationError({ type: 'InvalidInput', message, issues });
}

/** A caller's argument as plain JSON; values that JSON would change or cannot represent are refused by their path. */
export function toPlain(given: unknown, refusal: string): unknown {
  const json = toJsonText(given);
  if ('issues' in json) throw refuseBudget(refusal, json.issues);
  return JSON.parse(json.text) as unknown;
}

/** The error for a name without an open budget. */
export function noBudget(name: string, cause?: unknown): GenerationError {
  const message = `there is no open budget "${name}": create it, or correct the name`;
  return new GenerationError({ type: 'KeyNotFound', message, key: budgetId(name), cause });
}

/** Refuses a budget's Workflow ID that belongs to another kind of workflow. */
export function refuseNoBudget(name: string, workflowType: string): void {
  if (workflowType === budgetWorkflowType) return;
  const message = `"${budgetId(name)}" is in use by a workflow of type "${workflowType}", which is no budget: choose another name`;
  throw new GenerationError({ type: 'KeyInUse', message, key: budgetId(name) });
}
