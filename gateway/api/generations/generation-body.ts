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

/** Budgets by the names under which their tenant knows them; what anyone else has sent for budgets is told as it came. */
export function withBudgets<Named extends { budgets?: unknown }>(principal: Principal, named: Named): Named {
  const { budgets } = named;
  return Array.isArray(budgets) ? { ...named, budgets: budgets.map((name) => ownNameOf(principal, name)) } : named;
}

function ownNameOf(principal: Principal, fullName: unknown): unknown {
  return typeof fullName === 'string' ? fullName.slice(budgetNameOf(principal, '').length) : fullName;
}
