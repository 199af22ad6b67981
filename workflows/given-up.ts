import { ActivityFailure, CancellationScope, isCancellation, log, patched, sleep } from '@temporalio/workflow';
import { readActivityError } from './generation/activity-error.ts';

const firstPauseMs = 1_000;
const longestPauseMs = 60_000;

/**
 * Pauses before an activity is scheduled again that did not fail by itself, but was ended by Temporal or an operator.
 * `times`: how often that has happened in a row. Cancelling `scope` ends the pause. Rethrows any other error.
 *
 * Call it where the activity is awaited: a promise around it would delay what follows, compared with older histories.
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
