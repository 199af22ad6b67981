import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  condition,
  continueAsNew,
  patched,
  workflowInfo,
} from '@temporalio/workflow';
import { nextPeriodAt, turnPeriod } from '../../domain/budget/books.ts';
import type { BudgetRequest, BudgetState } from '../../domain/budget/budget.ts';
import { nextLookUpAt } from '../../domain/budget/look-up.ts';
import { budgetId, budgetNameOf, budgetNameWords } from '../../domain/budget/names.ts';
import { parseBudgetRequest } from '../../domain/budget/parse.ts';
import type { InputIssue } from '../../domain/generation.ts';
import { boundIssues, issuesSentence } from '../../domain/issues.ts';
import { waitForKeyOf } from '../hooks/payload-converter.ts';
import { listen } from './listen.ts';
import { type Budget, type CarriedBudget, carryBudget, isContinueDue, openBudget } from './memory.ts';
import { lookUpOld } from './reconcile.ts';
import { showNow, tellBudget } from './visibility.ts';

/**
 * A limit on money shared by all workers. Prices are reserved before orders are sent, and settled by what the orders
 * cost.
 */
export async function runcomfyBudget(request: BudgetRequest, carried?: CarriedBudget): Promise<BudgetState> {
  waitForKeyOf(request, carried);
  const name = budgetNameOf(workflowInfo().workflowId);
  const parsed = parseBudgetRequest(request);
  if (name === undefined || !parsed.ok) throw invalidBudget(parsed.ok ? [] : parsed.issues);
  const budget = openBudget(name, parsed.value, carried);
  listen(budget);
  showNow(budget);
  const scope = CancellationScope.current();
  return await CancellationScope.nonCancellable(async () => {
    const life = new CancellationScope();
    scope.cancelRequested.catch(() => {
      // Orders with reservations must find the budget until they have ended.
      if (!patched('cancelled-budgets-end-once-settled')) {
        life.cancel();
        return;
      }
      budget.books.isClosing = true;
      // Otherwise a reader of the memo, while no worker is there, would see money that is no longer granted. An end is
      // shown anyway.
      if (budget.books.open.size > 0 && patched('budgets-that-end-are-shown')) showNow(budget);
    });
    const state = await life.run(() => serve(budget, parsed.value));
    // A run that continues a cancelled one is not cancelled itself according to Temporal, so it completes.
    if (scope.consideredCancelled && !budget.isClosed) throw new CancelledFailure(`budget ${name} was cancelled`);
    return state;
  });
}

/** Does what is due until the budget is closed, or until its workflow is cancelled and nothing is reserved any more. */
async function serve(budget: Budget, request: BudgetRequest): Promise<BudgetState> {
  for (;;) {
    await untilAnythingIsDue(budget);
    const { books } = budget;
    if (budget.isClosed || isLetGo(books)) {
      if (!budget.isClosed) showNow(budget);
      await condition(allHandlersFinished);
      return tellBudget(budget);
    }
    if (isContinueDue(budget)) {
      await condition(allHandlersFinished);
      await continueAsNew<typeof runcomfyBudget>(request, carryBudget(budget));
    }
    const now = Date.now();
    if (now >= (nextPeriodAt(books) ?? Number.POSITIVE_INFINITY)) {
      turnPeriod(books, now);
      showNow(budget);
    }
    if (now >= (nextLookUpAt(books, budget.lookedUpAt) ?? Number.POSITIVE_INFINITY)) await lookUpOld(budget);
  }
}

function isLetGo({ isClosing, open }: Budget['books']): boolean {
  return isClosing === true && open.size === 0;
}

/** Waits for the end of the budget, the next run, old reservations or the next period. */
async function untilAnythingIsDue(budget: Budget): Promise<void> {
  const { books } = budget;
  const isUrgent = () => budget.isClosed || isLetGo(books) || isContinueDue(budget);
  const lookUpAt = nextLookUpAt(books, budget.lookedUpAt);
  const times = [lookUpAt, nextPeriodAt(books)].filter((time) => time !== undefined);
  // Without reservations there is no time for a look-up yet.
  const isNews = () => isUrgent() || (lookUpAt === undefined && books.open.size > 0);
  if (times.length === 0) await condition(isNews);
  else await condition(isNews, Math.max(1, Math.min(...times) - Date.now()));
}

function invalidBudget(issues: InputIssue[]): ApplicationFailure {
  const known =
    issues.length > 0
      ? issues
      : [{ path: 'name', message: `expected Workflow ID "${budgetId('NAME')}", NAME of ${budgetNameWords}` }];
  return ApplicationFailure.create({
    type: 'InvalidInput',
    message: `the budget cannot be understood: ${issuesSentence(known)}`,
    nonRetryable: true,
    details: [{ issues: boundIssues(known) }],
  });
}
