import { activityInfo } from '@temporalio/activity';
import type { ActivityDeps, SubmitBeforeReset } from '../activity-deps.ts';

/**
 * What earlier runs did with the order: Temporal runs a submit again after a reset, or when its database was restored
 * from a backup. The worker's disk remembers what was accepted there; the histories tell what came before a reset.
 */
export async function submitOfEarlierRuns(
  { acceptedBefore, submitBeforeReset }: Pick<ActivityDeps, 'acceptedBefore' | 'submitBeforeReset'>,
  firstExecutionRunId: string,
): Promise<SubmitBeforeReset> {
  const { workflowExecution: run } = activityInfo();
  if (run === undefined) return { kind: 'nothing' };
  const kept = await acceptedBefore({ workflowId: run.workflowId, firstExecutionRunId });
  if (kept) return { kind: 'accepted', ...kept };
  if (run.runId === firstExecutionRunId) return { kind: 'nothing' };
  return await submitBeforeReset({ ...run, firstExecutionRunId });
}
