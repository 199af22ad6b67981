import { patched, upsertMemo } from '@temporalio/workflow';
import { stateOf } from '../../domain/budget/books.ts';
import { type BudgetState, cancelledWords } from '../../domain/budget/budget.ts';
import { budgetWorkflowType } from '../../domain/budget/names.ts';
import { withoutUndefined } from '../../domain/json.ts';
import type { Budget } from './memory.ts';

const showEveryMs = 20_000;

/** Writes the state to the memo, where lists look, from time to time. */
export function show(budget: Budget): void {
  if (Date.now() - budget.shownAt >= showEveryMs) showNow(budget);
}

/**
 * The same after a settlement. At once if nothing is reserved any more, since it may be long until anything else
 * happens.
 */
export function showSettled(budget: Budget, openBefore: number): void {
  const isQuiet = openBefore > 0 && budget.books.open.size === 0;
  if (isQuiet && patched('what-stands-still-is-shown')) showNow(budget);
  else show(budget);
}

/** Writes the state to the memo now. */
export function showNow(budget: Budget): void {
  budget.shownAt = Date.now();
  upsertMemo({ [budgetWorkflowType]: { ...tellBudget(budget) } });
}

/** The answer of query `state`. */
export function tellBudget({ books, name, warning }: Budget): BudgetState {
  const told = books.isClosing ? cancelledWords : warning;
  return { ...stateOf(books, name, Date.now()), ...withoutUndefined({ warning: told }) };
}
