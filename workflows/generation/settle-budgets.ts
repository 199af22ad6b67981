import { log, patched } from '@temporalio/workflow';
import type { BudgetGrant, Settlement } from '../../domain/budget/budget.ts';
import { settlementOf } from '../../domain/budget/settlement.ts';
import { settlements } from '../activity-options.ts';
import { readActivityError } from './activity-error.ts';
import type { Generation } from './memory.ts';

/** Records what the order's budgets have granted to its latest submit; undefined if unknown. */
export function noteGrants({ reserved }: Generation, grants: BudgetGrant[] | undefined): void {
  reserved.grants = grants;
}

/**
 * Frees the reservations of an order that waits at a wall and was surely not sent, so that it holds nothing back from
 * others. Each attempt gives back what it has reserved itself. This gives back what an earlier attempt had reserved
 * whose worker was lost or whose report came late.
 */
export async function freeWhileWaiting({ facts, doubt, reserved: { grants = [] } }: Generation): Promise<void> {
  const kept = grants.filter(({ again }) => again);
  if (kept.length === 0 || doubt.hasResubmitted || !patched('walls-free-reservations')) return;
  await tell(kept, { key: facts.key, outcome: 'not_submitted' });
}

/**
 * Tells the order's budgets what it has cost, so that they need not look it up. If the grants are known, only those are
 * settled: a late settlement then frees nothing that a later order of the key has reserved. Does nothing for an order
 * without budgets.
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
