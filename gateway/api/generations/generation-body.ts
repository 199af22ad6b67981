import type { GenerationState } from '../../../domain/generation.ts';
import { withoutUndefined } from '../../../domain/json.ts';
import { budgetNameOf, keyOfWorkflow, type Principal, tenantOfKey } from '../../access/principal.ts';
import type { Generation } from '../../contract/generation.ts';
import type { SeenGeneration } from '../../generations/read-generations.ts';
import { inOwnWords } from '../own-words.ts';

/** A generation as our API tells it to a principal. */
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

/** What a generation is the moment it was started. */
export function newState(model: string, deadlineAt: string): GenerationState {
  return { phase: 'submitting', model, submission: 'not_sent', reads: 0, deadlineAt };
}

/** Budgets by the names under which their tenant knows them. */
export function withBudgets<Named extends { budgets?: string[] }>(principal: Principal, named: Named): Named {
  const { budgets } = named;
  return budgets === undefined ? named : { ...named, budgets: budgets.map((name) => ownNameOf(principal, name)) };
}

function ownNameOf(principal: Principal, fullName: string): string {
  return fullName.slice(budgetNameOf(principal, '').length);
}
