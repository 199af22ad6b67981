import { ApplicationFailure, CancelledFailure, type WorkflowFailedError } from '@temporalio/client';
import { readFailureDetails } from '../../domain/failure-details.ts';
import { type FailureType, isFailureType } from '../../domain/failure-type.ts';
import { pipelineWorkflowType } from '../../domain/names.ts';
import type { PipelineFailureDetails } from '../../domain/pipeline/pipeline-run.ts';
import { eachWithClientErrors, withClientErrors } from '../convert-errors.ts';
import { GenerationError, whatEnded } from '../errors.ts';

const noun = 'pipeline';
const typeOfEnd = {
  terminated: 'PipelineCancelled',
  timed_out: 'PipelineTimedOut',
  failed: 'PipelineFailed',
} as const satisfies Record<string, FailureType>;

/** As `named`, for the key of a pipeline. */
export function namedPipeline<T>(key: string, call: () => Promise<T>): Promise<T> {
  return withClientErrors(key, call, noun);
}

/** As `eachWithClientErrors`, for the key of a pipeline. */
export function eachNamedPipeline<T>(key: string, items: () => AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
  return eachWithClientErrors(key, items, noun);
}

/** Converts the failed end of a pipeline's workflow into an error. */
export function toPipelineError(error: WorkflowFailedError, key: string): GenerationError {
  const { cause } = error;
  if (cause instanceof ApplicationFailure) {
    const pipeline = readFailureDetails<PipelineFailureDetails>(cause);
    const { issues, failure } = pipeline;
    return new GenerationError({
      type: isFailureType(cause.type) ? cause.type : 'PipelineFailed',
      message: cause.message,
      key,
      issues: issues ?? failure?.issues,
      requestId: failure?.requestId,
      submission: failure?.submission,
      pipeline,
      cause: error,
    });
  }
  if (cause instanceof CancelledFailure) {
    const message = `pipeline "${key}" was cancelled; what RunComfy could not stop runs on under its key`;
    return new GenerationError({ type: 'PipelineCancelled', message, key, cause: error });
  }
  const { how, what } = whatEnded(error);
  const message = `pipeline "${key}" ${what}; its orders were asked to cancel, and what runs on ends under its key`;
  return new GenerationError({ type: typeOfEnd[how], message, key, cause: error });
}

/** Refuses a key that belongs to a workflow other than a pipeline. */
export function refuseNoPipeline(key: string, workflowType: string): void {
  if (workflowType === pipelineWorkflowType) return;
  const message = `key "${key}" is in use by a workflow of type "${workflowType}", which is no pipeline: choose another key`;
  throw new GenerationError({ type: 'KeyInUse', message, key });
}

/** The error for a pipeline that has to end before its key can run again. */
export function stillRunning(key: string, how: string): GenerationError {
  return new GenerationError({ type: 'StillRunning', message: `pipeline "${key}" is still running: ${how}`, key });
}
