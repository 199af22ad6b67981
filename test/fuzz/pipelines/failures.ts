import {
  ApplicationFailure,
  DefaultFailureConverter,
  defaultPayloadConverter,
  type ProtoFailure,
  TerminatedFailure,
} from '@temporalio/common';
import type { FollowAnswer } from '../../../domain/pipeline/pipeline-activities.ts';
import type { StepFailure } from '../../../domain/pipeline/pipeline-run.ts';

/** Temporal's code for a child whose id is known. */
export const alreadyExists = 1;

const converter = new DefaultFailureConverter();

export const cancelledFailure: ProtoFailure = {
  message: 'cancelled',
  source: 'TypeScriptSDK',
  canceledFailureInfo: {},
};

/** What a pipeline hears of the end of a child. */
export function childResult(workflowId: string, how: FollowAnswer, isTerminated: boolean) {
  return 'result' in how
    ? { completed: { result: defaultPayloadConverter.toPayload(how.result) } }
    : { failed: { failure: childFailure(workflowId, how.failure, isTerminated) } };
}

/** How the failure of a child reaches its parent. */
function childFailure(workflowId: string, failure: StepFailure, isTerminated: boolean): ProtoFailure {
  const { type, message, submission, cancel, ...more } = failure;
  const details = { ...more, submission, ...(cancel && { cancel: { requestedAt: '', outcome: cancel } }) };
  const error = isTerminated
    ? new TerminatedFailure(message)
    : ApplicationFailure.create({ type, message, nonRetryable: true, details: [details] });
  return {
    message: 'child workflow failed',
    source: 'TypeScriptSDK',
    cause: converter.errorToFailure(error, defaultPayloadConverter),
    childWorkflowExecutionFailureInfo: {
      workflowExecution: { workflowId, runId: 'child' },
      workflowType: { name: 'runcomfyGeneration' },
      namespace: 'default',
    },
  };
}

/** A failure that Temporal holds, as an error. */
export function errorOf(failure: ProtoFailure): Error {
  return converter.failureToError(failure, defaultPayloadConverter);
}

/** The failure of an activity that will not be repeated. */
export function activityFailure(error: unknown): ProtoFailure {
  return {
    message: 'activity failed',
    source: 'TypeScriptSDK',
    cause: converter.errorToFailure(error, defaultPayloadConverter),
    activityFailureInfo: { activityType: { name: 'activity' }, activityId: '1' },
  };
}

/** Whether Temporal tries an activity again that failed so: ours are tried for as long as it takes. */
export function isRepeated(error: unknown): boolean {
  return !(error instanceof ApplicationFailure && error.nonRetryable);
}
