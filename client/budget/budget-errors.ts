import { budgetId, budgetNameWords, budgetWorkflowType, isBudgetName } from '../../domain/budget/names.ts';
import type { InputIssue } from '../../domain/generation.ts';
import { issuesSentence } from '../../domain/issues.ts';
import { GenerationError } from '../errors.ts';
import { checkArgument } from '../generation/check-arguments.ts';
import { toJsonText } from '../generation/starting/to-json.ts';

/** Refuses what cannot be the name of a budget. */
export function checkBudgetName(name: unknown): asserts name is string {
  checkArgument('name', isBudgetName(name), `a name of ${budgetNameWords}`);
}

/** What is wrong with a budget, or with a change of it, in one sentence. */
export function refuseBudget(what: string, issues: InputIssue[]): GenerationError {
  const message = `${what}: ${issuesSentence(issues)}`;
  return new GenerationError({ type: 'InvalidInput', message, issues });
}

/** What a caller gave, as it travels: values that JSON would change or cannot hold are refused by their place. */
export function toPlain(given: unknown, refusal: string): unknown {
  const json = toJsonText(given);
  if ('issues' in json) throw refuseBudget(refusal, json.issues);
  return JSON.parse(json.text) as unknown;
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
