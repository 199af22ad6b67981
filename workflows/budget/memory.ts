import { patched, workflowInfo } from '@temporalio/workflow';
import { type Books, type CarriedBooks, carryBooks, openBooks, resumeBooks } from '../../domain/budget/books.ts';
import type { BudgetRequest, Settlement } from '../../domain/budget/budget.ts';
import { withoutUndefined } from '../../domain/json.ts';
import { type HandedOn, handedOn, type SampleOf, selfStartedBy } from '../run-start.ts';

/** Updates after which a run is continued: a server accepts 2,000 per run. */
const maxUpdates = 1_500;

/** The memory of one budget. */
export interface Budget {
  readonly name: string;
  readonly books: Books;
  isClosed: boolean;
  /** Why nothing is granted until the limit is set. */
  warning: string | undefined;
  /** Updates that this run has accepted. */
  updates: number;
  /** When old reservations were looked up last, epoch ms. */
  lookedUpAt: number;
  /** When the memo was written last, epoch ms. */
  shownAt: number;
}

/** What is handed to the next run. A run of another version may read it: fields are added, never changed. */
export interface CarriedBudget extends HandedOn {
  books: CarriedBooks;
  lookedUpAt: number;
  warning?: string;
}

const sampleOfCarried: SampleOf<CarriedBudget> = {
  books: { limit: 0, period: '', periodStart: 0, spent: 0, over: 0, presumed: 0, refused: 0, grants: 0, open: [] },
};

/** Opens the memory of a budget, or continues with what an earlier run has handed on. */
export function openBudget(name: string, request: BudgetRequest, given: unknown): Budget {
  const handed = handedOn(given, sampleOfCarried);
  const starter = selfStartedBy(handed);
  const isForgetful = starter !== undefined && patched('budgets-that-forgot-grant-nothing');
  const carried = isForgetful ? undefined : handed;
  const limited = isForgetful ? { ...request, limitUsd: 0 } : request;
  return {
    name,
    books: carried ? resumeBooks(carried.books) : openBooks(limited, Date.now()),
    isClosed: false,
    warning: isForgetful ? forgotten(starter) : carried?.warning,
    updates: 0,
    lookedUpAt: carried?.lookedUpAt ?? 0,
    shownAt: 0,
  };
}

export function carryBudget({ books, lookedUpAt, warning }: Budget): CarriedBudget {
  const { runId: handedOnBy } = workflowInfo();
  return { books: carryBooks(books), lookedUpAt, handedOnBy, ...withoutUndefined({ warning }) };
}

function forgotten(starter: string): string {
  return `Temporal started this run by ${starter}, and what was set, spent and reserved before is forgotten: nothing is granted until the limit is set`;
}

/** Histories of workers that did not read `presumedUsd` must not read it in a replay either. */
export function readPresumed(settlements: Settlement[]): Settlement[] {
  const isAnyPresumed = settlements.some(({ presumedUsd }) => presumedUsd !== undefined);
  if (!isAnyPresumed || patched('presumed-costs-are-told')) return settlements;
  return settlements.map(({ presumedUsd: _, ...rest }) => rest);
}

/** Whether the next run should begin, before the server refuses anything to this one. */
export function isContinueDue({ updates }: Budget): boolean {
  return updates >= maxUpdates || workflowInfo().continueAsNewSuggested;
}
