import { ActivityFailure, ApplicationFailure } from '@temporalio/workflow';
import type { ActivityFailureDetails } from '../../domain/activities.ts';
import { readFailureDetails } from '../../domain/failure-details.ts';
import { type FailureType, isFailureType } from '../../domain/failure-type.ts';
import { messageOf } from '../../domain/text.ts';

/** What an activity said when it failed for good: its type, its own words and details. */
export interface ActivityError {
  type: FailureType | undefined;
  /** The activity would have been tried again: it was the server that gave it up, or somebody at its controls. */
  isPassing: boolean;
  message: string;
  details: ActivityFailureDetails;
}

/** Reads the error that a failed activity was thrown as. */
export function readActivityError(error: unknown): ActivityError {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (!(cause instanceof ApplicationFailure)) {
    return { type: undefined, isPassing: true, message: messageOf(cause), details: {} };
  }
  const type = isFailureType(cause.type) ? cause.type : undefined;
  const isOutage = type === undefined || type === 'ServiceUnavailable' || type === 'RateLimited';
  return {
    type,
    isPassing: isOutage || cause.nonRetryable !== true,
    message: cause.message,
    details: readFailureDetails<ActivityFailureDetails>(cause),
  };
}
