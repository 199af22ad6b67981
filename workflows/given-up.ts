import { ActivityFailure, CancellationScope, isCancellation, log, patched, sleep } from '@temporalio/workflow';
import { readActivityError } from './generation/activity-error.ts';

const firstPauseMs = 1_000;
const longestPauseMs = 60_000;

/**
 * Waits before an activity is asked for again that has not said itself why it failed: Temporal, or somebody at its controls,
 * had it end. `times`: how often before, in a row; who cancels `scope` ends the pause. Any other error is thrown on.
 *
 * Called where the activity is awaited: a promise around it would have what follows come later than in older histories.
 */
export async function pauseIfGivenUp(
  error: unknown,
  times: number,
  scope = CancellationScope.current(),
): Promise<void> {
  if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
  const { isPassing, message } = readActivityError(error);
  if (!isPassing || !patched('given-up-activities-are-asked-again')) throw error;
  log.warn('an activity was given up; it is asked for again', { activity: error.activityType, reason: message });
  try {
    await scope.run(() => sleep(Math.min(longestPauseMs, firstPauseMs * 2 ** times)));
  } catch (thrown) {
    if (!isCancellation(thrown)) throw thrown;
  }
}
