import { log } from '@temporalio/workflow';
import { settlementOf } from '../../domain/budget/settlement.ts';
import { settlements } from '../activity-options.ts';
import { readActivityError } from './activity-error.ts';
import type { Generation } from './memory.ts';

/** Tells the order's budgets what it came to, so that they need not look it up. An order without budgets asks nobody. */
export async function settleBudgets({ state, facts }: Generation): Promise<void> {
  const { budgets } = facts.request;
  if (budgets === undefined) return;
  try {
    await settlements.settleReservations({ budgets, settlement: settlementOf(facts.key, state) });
  } catch (error) {
    log.warn('the budgets do not know yet what the order came to', { reason: readActivityError(error).message });
  }
}
