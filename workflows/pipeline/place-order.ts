import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
  TerminatedFailure,
  TimeoutFailure,
} from '@temporalio/workflow';
import { readFailureDetails } from '../../domain/failure-details.ts';
import { isFailureType } from '../../domain/failure-type.ts';
import type { GenerationRequest } from '../../domain/generation.ts';
import { withoutUndefined } from '../../domain/json.ts';
import type { FollowAnswer } from '../../domain/pipeline/pipeline-activities.ts';
import type { StepFailure } from '../../domain/pipeline/pipeline-run.ts';
import { messageOf } from '../../domain/text.ts';
import { follows } from '../activity-options.ts';
import { isKeyTaken, startGenerationChild } from '../generation-child.ts';
import type { OpenOrder } from './memory.ts';

/**
 * Orders a generation as a child and waits for its end. If the key already exists, that generation is followed, unless
 * `lookAgain` finds that its run has ended without a cost: then it is ordered once more.
 */
export async function placeOrder(
  order: OpenOrder,
  request: GenerationRequest,
  retryOfRunId: string | undefined,
  lookAgain?: () => Promise<string | undefined>,
): Promise<FollowAnswer> {
  try {
    const child = await startGenerationChild({ key: order.key, request, retryOfRunId });
    order.isStarting = false;
    return { result: await child.result() };
  } catch (error) {
    const unbilledRunId = isKeyTaken(error) ? await lookAgain?.() : undefined;
    if (unbilledRunId !== undefined) return await placeOrder(order, request, unbilledRunId);
    order.isStarting = false;
    if (isKeyTaken(error)) return await followOrder(order.key);
    return { failure: failureOf(error) };
  }
}

/** Waits for the end of a generation that is not our child. */
export async function followOrder(key: string): Promise<FollowAnswer> {
  try {
    return await follows.followGeneration({ key });
  } catch (error) {
    const message = `generation "${key}" could not be followed: ${messageOf(causeOf(error))}`;
    return { failure: { type: 'ServiceUnavailable', message, submission: 'unknown', key } };
  }
}

/** The failure of a child that has no result. One that says nothing about itself counts as possibly billed. */
export function failureOf(error: unknown): StepFailure {
  const cause = causeOf(error);
  if (cause instanceof ApplicationFailure) {
    const details = readFailureDetails(cause);
    const { submission, cancel, requestId, key, issues, costUsd, budget } = details;
    const { otherRequestIds, otherCostUsd, otherCostsUnknown } = details;
    return {
      type: isFailureType(cause.type) ? cause.type : 'GenerationFailed',
      message: cause.message,
      submission: submission ?? 'unknown',
      ...withoutUndefined({ cancel: cancel?.outcome, requestId, key, issues, costUsd, budget }),
      ...withoutUndefined({ otherRequestIds, otherCostUsd, otherCostsUnknown }),
    };
  }
  const message = messageOf(cause);
  if (cause instanceof CancelledFailure || cause instanceof TerminatedFailure) {
    return { type: 'GenerationCancelled', message, submission: 'unknown' };
  }
  return {
    type: cause instanceof TimeoutFailure ? 'GenerationTimedOut' : 'GenerationFailed',
    message,
    submission: 'unknown',
  };
}

function causeOf(error: unknown): unknown {
  return (error instanceof ChildWorkflowFailure || error instanceof ActivityFailure) && error.cause
    ? error.cause
    : error;
}
