import { ActivityFailure, ApplicationFailure } from '@temporalio/workflow';
import type { ActivityFailureDetails } from '../../domain/activities.ts';
import { readFailureDetails } from '../../domain/failure-details.ts';
import { type FailureType, isFailureType } from '../../domain/failure-type.ts';
import { messageOf } from '../../domain/text.ts';

/** The final error of an activity: its type, message and details. */
export interface ActivityError {
  type: FailureType | undefined;
  /** The activity would have been retried, but the server or an operator gave it up. */
  isPassing: boolean;
  message: string;
  details: ActivityFailureDetails;
}

/** Reads the error that was thrown for a failed activity. */
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
