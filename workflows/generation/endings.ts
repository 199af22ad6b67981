import { ApplicationFailure, CancelledFailure } from '@temporalio/workflow';
import { withoutMessageInStack } from '../../domain/failure-details.ts';
import type { FailureType } from '../../domain/failure-type.ts';
import type { FailureDetails, Phase, Submission } from '../../domain/generation.ts';
import { boundIssues } from '../../domain/issues.ts';
import { withoutUndefined } from '../../domain/json.ts';
import { cutText } from '../../domain/text.ts';
import { readActivityError } from './activity-error.ts';
import type { Generation } from './memory.ts';
import { countReads, noteCost, noteSubmission } from './sightings.ts';
import { enterPhase } from './visibility.ts';

/** Longest message, in characters: longer than any of our own; it bounds texts from elsewhere. */
const maxMessageLength = 4_000;

interface End {
  type: FailureType;
  phase: Extract<Phase, 'failed' | 'cancelled' | 'timed_out' | 'submission_unknown'>;
  message: string;
  submission?: Submission;
  details?: Partial<FailureDetails>;
  cause?: unknown;
}

/**
 * Records how the generation ends and returns the failure to throw. Every field of the failure can be read in `state`
 * as well.
 */
export function endOf(generation: Generation, end: End): ApplicationFailure {
  const { state, facts } = generation;
  enterPhase(generation, end.phase, 'later');
  if (end.submission) noteSubmission(generation, end.submission);
  const details: FailureDetails = {
    model: state.model,
    key: facts.key,
    phase: state.phase,
    submission: state.submission,
    ...withoutUndefined({
      requestId: state.requestId,
      costUsd: state.costUsd,
      priceUsd: state.priceUsd,
      cancel: state.cancel,
      otherRequestIds: state.otherRequestIds,
      otherCostUsd: state.otherCostUsd,
      otherCostsUnknown: state.otherCostsUnknown,
      wall: state.wall,
      evidence: state.evidence,
    }),
    ...end.details,
  };
  const where = [`model ${state.model === '' ? '(none)' : state.model}`, `key ${facts.key}`];
  if (state.requestId !== undefined) where.push(`request ${state.requestId}`);
  const message = `${cutText(end.message, maxMessageLength)} (${where.join(', ')})`;
  state.failure = { type: end.type, message, details };
  const failure = ApplicationFailure.create({
    type: end.type,
    message,
    nonRetryable: true,
    details: [details],
    ...(end.cause instanceof Error && { cause: end.cause }),
  });
  return withoutMessageInStack(failure);
}

/** The end of a generation that was stopped, never sent, or let go. A cancelled workflow closes as Canceled. */
export function cancelledEnd(generation: Generation, message: string): ApplicationFailure | CancelledFailure {
  const failure = endOf(generation, { type: 'GenerationCancelled', phase: 'cancelled', message });
  return generation.wishes.isWorkflowCancelled ? new CancelledFailure(failure.message) : failure;
}

/** The generation's end when an activity failed for good. */
export function endByActivity(generation: Generation, error: unknown, submission?: Submission): ApplicationFailure {
  const { type, message, details } = readActivityError(error);
  countReads(generation, details.reads);
  noteCost(generation, details.costUsd);
  const { httpStatus, vendorCode, vendorMessage, rawOutput, issues } = details;
  const { priceUsd, limitUsd, budget, availableUsd } = details;
  return endOf(generation, {
    type: type ?? 'ServiceUnavailable',
    phase: 'failed',
    message,
    ...(submission && { submission }),
    details: withoutUndefined({
      httpStatus,
      vendorCode,
      vendorMessage,
      rawOutput,
      priceUsd,
      limitUsd,
      budget,
      availableUsd,
      issues: issues && boundIssues(issues),
    }),
    // An activity's error of one of our types is described above; as a cause it would be in the history twice.
    cause: type === undefined ? error : undefined,
  });
}
