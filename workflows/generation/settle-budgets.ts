import { log } from '@temporalio/workflow';
import type { BudgetGrant } from '../../domain/budget/budget.ts';
import { settlementOf } from '../../domain/budget/settlement.ts';
import { settlements } from '../activity-options.ts';
import { readActivityError } from './activity-error.ts';
import type { Generation } from './memory.ts';

/** Keeps what the order's budgets have granted to its latest submit; undefined: nobody knows. */
export function noteGrants({ reserved }: Generation, grants: BudgetGrant[] | undefined): void {
  reserved.grants = grants;
}

/**
 * Tells the order's budgets what it came to, so that they need not look it up. Where it is known what they have granted
 * only that is meant: what is told late frees nothing that a later order of the key has reserved. An order without budgets
 * asks nobody.
 */
export async function settleBudgets({ state, facts, reserved: { grants } }: Generation): Promise<void> {
  const { budgets } = facts.request;
  if (budgets === undefined) return;
  const granted = budgets.filter((budget) => grants?.some((grant) => grant.budget === budget) ?? true);
  try {
    await settlements.settleReservations({
      budgets: granted,
      settlement: settlementOf(facts.key, state),
      ...(grants && { grants }),
    });
  } catch (error) {
    log.warn('the budgets do not know yet what the order came to', { reason: readActivityError(error).message });
  }
}
