import { activityInfo, log } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { Activities, ActivityFailureDetails } from '../../domain/activities.ts';
import { readFailureDetails } from '../../domain/failure-details.ts';
import type { ActivityDeps } from '../activity-deps.ts';

/**
 * Sends an order only where RunComfy has not accepted it before: Temporal runs a submit again after a reset, or when its
 * database was restored from a backup, and knows nothing of the first one. What was accepted is taken over.
 */
export function takeOverAccepted(deps: ActivityDeps, submit: Activities['submitRequest']): Activities['submitRequest'] {
  return async (order) => {
    const { workflowExecution } = activityInfo();
    const { model, firstExecutionRunId } = order;
    const before =
      workflowExecution &&
      (await deps.acceptedBefore({ workflowId: workflowExecution.workflowId, firstExecutionRunId }));
    if (!before) return await submit(order).catch((error: unknown) => refuse(deps, firstExecutionRunId, error));
    const { requestId, acceptedAt } = before;
    log.warn('RunComfy has accepted this order before; nothing was sent', { model, requestId, acceptedAt });
    return {
      requestId,
      submittedAt: acceptedAt,
      nextReadInMs: 0,
      isNextReadSoon: true,
      searchAttributes: deps.searchAttributes(),
      warnings: [`RunComfy accepted this order at ${acceptedAt}: its request was taken over, nothing was sent again`],
    };
  };
}

/** A refusal says nothing of what the run before a reset had submitted. */
async function refuse({ isReset }: ActivityDeps, firstExecutionRunId: string, error: unknown): Promise<never> {
  const { workflowExecution: run } = activityInfo();
  const isFirst = run === undefined || run.runId === firstExecutionRunId;
  if (!(error instanceof ApplicationFailure) || isFirst) throw error;
  // Where Temporal does not tell, nothing is proven.
  if (await isReset(run).catch(() => true)) {
    Object.assign(readFailureDetails<ActivityFailureDetails>(error), { isReset: true });
  }
  throw error;
}
