import { activityInfo, log } from '@temporalio/activity';
import type { Activities } from '../../domain/activities.ts';
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
    if (!before) return await submit(order);
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
