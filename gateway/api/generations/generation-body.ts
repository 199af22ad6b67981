import type { FailureState, GenerationState } from '../../../domain/generation.ts';
import { withoutUndefined } from '../../../domain/json.ts';
import { keyOfWorkflow, type Principal } from '../../access/principal.ts';
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
    failure: state.failure && withKey(state.failure, workflowId, key),
    createdAt: startedAt,
    closedAt,
    result: ending && 'result' in ending ? ending.result : undefined,
  });
}

/** What a generation is the moment it was started. */
export function newState(model: string, deadlineAt: string): GenerationState {
  return { phase: 'submitting', model, submission: 'not_sent', reads: 0, deadlineAt };
}

/** A failure names its key as a Workflow ID, with the tenant in front. */
function withKey(failure: FailureState, workflowId: string, key: string): FailureState {
  if (workflowId === key) return failure;
  const message = failure.message.replaceAll(workflowId, key);
  return { ...failure, message, details: { ...failure.details, key } };
}
