import { activityInfo } from '@temporalio/activity';
import type { Activities } from '../../domain/activities.ts';
import type { ActivityDeps } from '../activity-deps.ts';

/**
 * Tells what is known of an order whose submit was stopped before or between its attempts. An attempt that was accepted is
 * never repeated, but a run that was reset knows nothing of the one before it, which this worker's disk may remember.
 */
export function createRecallSubmit({ acceptedBefore, isReset }: ActivityDeps): Activities['recallSubmit'] {
  return async ({ firstExecutionRunId }) => {
    const { workflowExecution: run } = activityInfo();
    if (run === undefined) return {};
    const before = await acceptedBefore({ workflowId: run.workflowId, firstExecutionRunId });
    if (before) return { requestId: before.requestId, submittedAt: before.acceptedAt };
    return { isReset: run.runId !== firstExecutionRunId && (await isReset(run)) };
  };
}
