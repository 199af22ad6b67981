import { activityInfo } from '@temporalio/activity';
import type { Activities } from '../../domain/activities.ts';
import type { ActivityDeps } from '../activity-deps.ts';

/**
 * Tells whether RunComfy accepted an order whose submit was stopped between two attempts: the first may have been accepted
 * without being able to report it, and Temporal throws away what a stopped attempt had said in its heartbeats.
 */
export function createRecallSubmit({ acceptedBefore }: ActivityDeps): Activities['recallSubmit'] {
  return async ({ firstExecutionRunId }) => {
    const workflowId = activityInfo().workflowExecution?.workflowId ?? '';
    const before = await acceptedBefore({ workflowId, firstExecutionRunId });
    return before ? { requestId: before.requestId, submittedAt: before.acceptedAt } : {};
  };
}
