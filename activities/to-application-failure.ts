import { activityInfo } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import type { ActivityFailureDetails } from '../domain/activities.ts';
import { withoutMessageInStack } from '../domain/failure-details.ts';
import { type EndpointRole, type FailureType, isRetryable } from '../domain/failure-type.ts';
import { boundIssues } from '../domain/issues.ts';
import { withoutUndefined } from '../domain/json.ts';
import { cutText, messageOf } from '../domain/text.ts';
import { isRunComfyError } from '../runcomfy/errors.ts';

/** Longest message, in characters. Temporal replaces a failure that is too large by one that says nothing. */
const maxMessageLength = 4_000;
/** Longest text in the details, in characters. */
const maxTextLength = 2_000;

/** First backoff of the retry policy of submits. */
const firstSubmitBackoffMs = 1_000;
/** Longest backoff of that policy. */
const longestSubmitBackoffMs = 30_000;

/**
 * The one place where an error of the HTTP side becomes an `ApplicationFailure`. Any other error than a `RunComfyError`
 * is a defect: on a submit the outcome is then unknown, elsewhere Temporal retries it as `ServiceUnavailable`.
 */
export function toApplicationFailure(
  error: unknown,
  role: EndpointRole,
  more: ActivityFailureDetails = {},
  retryAfterMs?: number,
): Error {
  if (error instanceof ApplicationFailure) return error;
  if (!isRunComfyError(error)) {
    const message = messageOf(error);
    if (role === 'submit') return failure('SubmitOutcomeUnknown', role, message, { submission: 'unknown', ...more });
    return failure('ServiceUnavailable', role, message, more, retryAfterMs);
  }
  const { submission, httpStatus, vendorCode, vendorMessage, issues, reply, repliedRequestId, rawOutput, costUsd } =
    error;
  const details: ActivityFailureDetails = {
    ...withoutUndefined({
      submission,
      httpStatus,
      vendorCode,
      vendorMessage,
      issues,
      reply,
      repliedRequestId,
      rawOutput,
      costUsd,
    }),
    ...more,
  };
  return failure(error.type, role, error.message, details, retryAfterMs ?? error.retryAfterMs, error.isPermanent);
}

/** Creates a failure of a type of `domain/failure-type.ts`, which decides whether Temporal may retry the call. */
export function failure(
  type: FailureType,
  role: EndpointRole,
  message: string,
  details: ActivityFailureDetails,
  retryAfterMs?: number,
  isPermanent = false,
): ApplicationFailure {
  const mayRetry = isRetryable(type, role) && !isPermanent;
  // Some servers send a `Retry-After` of 0 or 1 s with every 503 throughout an outage. After a 429, all orders are
  // paced anyway.
  const isOutage = role === 'submit' && type === 'ServiceUnavailable';
  const delayMs = retryAfterMs !== undefined && isOutage ? Math.max(retryAfterMs, submitBackoffMs()) : retryAfterMs;
  const created = ApplicationFailure.create({
    type,
    message: cutText(message, maxMessageLength),
    nonRetryable: !mayRetry,
    details: [bounded(details)],
    // Temporal's server takes a delay of 0 to mean "no retry".
    ...(mayRetry && delayMs !== undefined && { nextRetryDelay: Math.max(1, delayMs) }),
    ...(mayRetry && role !== 'submit' && { category: ApplicationFailureCategory.BENIGN }),
  });
  return withoutMessageInStack(created);
}

function submitBackoffMs(): number {
  return Math.min(longestSubmitBackoffMs, firstSubmitBackoffMs * 2 ** (activityInfo().attempt - 1));
}

function bounded(details: ActivityFailureDetails): ActivityFailureDetails {
  const cut = Object.entries(details).map(([name, value]: [string, unknown]): [string, unknown] => [
    name,
    typeof value === 'string' ? cutText(value, maxTextLength) : value,
  ]);
  const texts: ActivityFailureDetails = Object.fromEntries(cut);
  return { ...texts, ...(details.issues && { issues: boundIssues(details.issues) }) };
}
