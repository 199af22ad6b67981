import type { Activities } from '../../domain/activities.ts';
import type { ActivityDeps } from '../activity-deps.ts';
import { submitOfEarlierRuns } from './submit-of-earlier-runs.ts';

/**
 * Tells what is known of an order whose submit was stopped before or between its attempts. An accepted attempt is never
 * repeated, but a run that was reset does not know what the run before it did.
 */
export function createRecallSubmit(deps: ActivityDeps): Activities['recallSubmit'] {
  return async ({ firstExecutionRunId }) => {
    const earlier = await submitOfEarlierRuns(deps, firstExecutionRunId);
    return earlier.kind === 'accepted'
      ? { requestId: earlier.requestId, submittedAt: earlier.acceptedAt }
      : { isReset: earlier.kind === 'unknown' };
  };
}
