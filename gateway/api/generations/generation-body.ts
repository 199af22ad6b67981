import type { GenerationState } from '../../../domain/generation.ts';
import { withoutUndefined } from '../../../domain/json.ts';
import { budgetNameOf, keyOfWorkflow, type Principal, tenantOfKey } from '../../access/principal.ts';
import type { Generation } from '../../contract/generation.ts';
import type { SeenGeneration } from '../../generations/read-generations.ts';
import { inOwnWords } from '../own-words.ts';

/** A generation in the format of our API, for a principal. */
export function generationBody(principal: Principal, seen: SeenGeneration): Generation {
  const { key: workflowId, runId, state, startedAt, closedAt, ending } = seen;
  if (state === undefined) throw new Error(`The state of ${workflowId} was not read.`);
  const key = keyOfWorkflow(principal, workflowId);
  return withoutUndefined({
    key,
    tenant: tenantOfKey(principal, key),
    runId,
    ...inOwnWords(principal, state, workflowId),
    createdAt: startedAt,
    closedAt,
    result: ending && 'result' in ending ? withBudgets(principal, ending.result) : undefined,
  });
}

/** The state of a generation that was just started. */
export function newState(model: string, deadlineAt: string): GenerationState {
  return { phase: 'submitting', model, submission: 'not_sent', reads: 0, deadlineAt };
}

/**
 * Replaces the full names of budgets by those that the tenant uses; values that are no list of names are passed on
 * unchanged.
 */
export function withBudgets<Named extends { budgets?: unknown }>(principal: Principal, named: Named): Named {
  const { budgets } = named;
  return Array.isArray(budgets) ? { ...named, budgets: budgets.map((name) => ownNameOf(principal, name)) } : named;
}

function ownNameOf(principal: Principal, fullName: unknown): unknown {
  return typeof fullName === 'string' ? fullName.slice(budgetNameOf(principal, '').length) : fullName;
}
