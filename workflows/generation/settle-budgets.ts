import { log, patched } from '@temporalio/workflow';
import type { BudgetGrant, Settlement } from '../../domain/budget/budget.ts';
import { settlementOf } from '../../domain/budget/settlement.ts';
import { settlements } from '../activity-options.ts';
import { readActivityError } from './activity-error.ts';
import type { Generation } from './memory.ts';

/** Keeps what the order's budgets have granted to its latest submit; undefined: nobody knows. */
export function noteGrants({ reserved }: Generation, grants: BudgetGrant[] | undefined): void {
  reserved.grants = grants;
}

/**
 * An order that waits at a wall, and may have been sent by no submit, holds nothing back from others: each attempt gives back
 * what it has reserved itself, and this what one before it had, whose worker was lost or whose word came late.
 */
export async function freeWhileWaiting({ facts, doubt, reserved: { grants = [] } }: Generation): Promise<void> {
  const kept = grants.filter(({ again }) => again);
  if (kept.length === 0 || doubt.hasResubmitted || !patched('walls-free-reservations')) return;
  await tell(kept, { key: facts.key, outcome: 'not_submitted' });
}

/**
 * Tells the order's budgets what it came to, so that they need not look it up. Where it is known what they have granted
 * only that is meant: what is told late frees nothing that a later order of the key has reserved. An order without budgets
 * asks nobody.
 */
export async function settleBudgets({ state, facts, reserved: { grants } }: Generation): Promise<void> {
  const { budgets } = facts.request;
  if (budgets !== undefined) await tell(grants, settlementOf(facts.key, state), budgets);
}

async function tell(grants: BudgetGrant[] | undefined, settlement: Settlement, all: string[] = []): Promise<void> {
  const budgets = grants?.map(({ budget }) => budget) ?? all;
  try {
    await settlements.settleReservations({ budgets, settlement, ...(grants && { grants }) });
  } catch (error) {
    log.warn('the budgets do not know yet what the order came to', { reason: readActivityError(error).message });
  }
}
