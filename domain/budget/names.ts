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

/** The format of a budget's name, for error messages. */
export const budgetNameWords = '1 to 100 letters, digits, ".", "_" or "-", a letter or digit first';

/** Whether a value is a valid name of a budget, safe in a Workflow ID, a query and a shell. */
export function isBudgetName(value: unknown): value is string {
  return typeof value === 'string' && namePattern.test(value);
}

/** Workflow ID of the budget with this name. */
export function budgetId(name: string): string {
  return `${idPrefix}${name}`;
}

/** The name of the budget with this Workflow ID; undefined if it is not a budget's. */
export function budgetNameOf(workflowId: string): string | undefined {
  const name = workflowId.startsWith(idPrefix) ? workflowId.slice(idPrefix.length) : undefined;
  return isBudgetName(name) ? name : undefined;
}
