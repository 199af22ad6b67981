/** Temporal names of budgets that other services rely on. */

/** Workflow type of a budget, and the memo field that carries the short form of its state. */
export const budgetWorkflowType = 'runcomfyBudget';

/** Queries, signals and updates of a budget. */
export const budgetMessageNames = {
  state: 'state',
  reservations: 'reservations',
  reserve: 'reserve',
  settle: 'settle',
  set: 'set',
  release: 'release',
  close: 'close',
} as const;

const idPrefix = 'runcomfy-budget:';
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** What a name of a budget is made of, for the sentence that refuses another. */
export const budgetNameWords = '1 to 100 letters, digits, ".", "_" or "-", a letter or digit first';

/** Whether a value may be the name of a budget: safe in a Workflow ID, a query and a shell. */
export function isBudgetName(value: unknown): value is string {
  return typeof value === 'string' && namePattern.test(value);
}

/** Workflow ID of the budget of a name. */
export function budgetId(name: string): string {
  return `${idPrefix}${name}`;
}

/** The name of the budget of a Workflow ID; undefined where it is none. */
export function budgetNameOf(workflowId: string): string | undefined {
  const name = workflowId.startsWith(idPrefix) ? workflowId.slice(idPrefix.length) : undefined;
  return isBudgetName(name) ? name : undefined;
}
