import type { FailureState, GenerationState } from '../../../domain/generation.ts';
import { withoutUndefined } from '../../../domain/json.ts';
import { budgetNameOf, keyOfWorkflow, type Principal } from '../../access/principal.ts';
import type { Generation } from '../../contract/generation.ts';
import type { SeenGeneration } from '../../generations/read-generations.ts';

/** A generation as our API tells it to a principal. */
export function generationBody(principal: Principal, seen: SeenGeneration): Generation {
  const { key: workflowId, runId, state, startedAt, closedAt, ending } = seen;
  if (state === undefined) throw new Error(`The state of ${workflowId} was not read.`);
  const key = keyOfWorkflow(principal, workflowId);
  return withoutUndefined({
    key,
    runId,
    ...state,
    failure: state.failure && withKey(principal, state.failure, workflowId),
    createdAt: startedAt,
    closedAt,
    result: ending && 'result' in ending ? withBudgets(principal, ending.result) : undefined,
  });
}

/** What a generation is the moment it was started. */
export function newState(model: string, deadlineAt: string): GenerationState {
  return { phase: 'submitting', model, submission: 'not_sent', reads: 0, deadlineAt };
}

/** A failure names its key as a Workflow ID and its budget in full, with the tenant in front. */
function withKey(principal: Principal, failure: FailureState, workflowId: string): FailureState {
  const key = keyOfWorkflow(principal, workflowId);
  if (workflowId === key) return failure;
  const { budget: fullName, ...others } = failure.details;
  const budget = fullName === undefined ? undefined : ownNameOf(principal, fullName);
  let message = failure.message.replaceAll(workflowId, () => key);
  if (fullName !== undefined && budget !== undefined) message = message.replaceAll(fullName, () => budget);
  return { ...failure, message, details: { ...others, key, ...(budget !== undefined && { budget }) } };
}

/** Budgets by the names under which their tenant knows them. */
export function withBudgets<Named extends { budgets?: string[] }>(principal: Principal, named: Named): Named {
  const { budgets } = named;
  return budgets === undefined ? named : { ...named, budgets: budgets.map((name) => ownNameOf(principal, name)) };
}

function ownNameOf(principal: Principal, fullName: string): string {
  return fullName.slice(budgetNameOf(principal, '').length);
}
