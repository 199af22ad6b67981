import { ApplicationFailure, CancelledFailure, type WorkflowFailedError } from '@temporalio/client';
import { readFailureDetails } from '../../domain/failure-details.ts';
import { type FailureType, isFailureType } from '../../domain/failure-type.ts';
import type { InputIssue } from '../../domain/generation.ts';
import { issuesSentence } from '../../domain/issues.ts';
import { batchWorkflowType } from '../../domain/names.ts';
import { eachWithClientErrors, withClientErrors } from '../convert-errors.ts';
import { GenerationError, whatEnded } from '../errors.ts';

const noun = 'batch';
const typeOfEnd = {
  terminated: 'GenerationCancelled',
  timed_out: 'GenerationTimedOut',
  failed: 'GenerationFailed',
} as const satisfies Record<string, FailureType>;

/** As `named`, for the key of a batch. */
export function namedBatch<T>(key: string, call: () => Promise<T>): Promise<T> {
  return withClientErrors(key, call, noun);
}

/** As `eachWithClientErrors`, for the key of a batch. */
export function eachNamedBatch<T>(key: string, items: () => AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
  return eachWithClientErrors(key, items, noun);
}

/** Converts the failed end of a batch's workflow into an error. */
export function toBatchError(error: WorkflowFailedError, key: string): GenerationError {
  const { cause } = error;
  if (cause instanceof ApplicationFailure) {
    const { issues } = readFailureDetails(cause);
    const type = isFailureType(cause.type) ? cause.type : 'GenerationFailed';
    return new GenerationError({ type, message: cause.message, key, issues, submission: 'not_sent', cause: error });
  }
  if (cause instanceof CancelledFailure) {
    const message = `batch "${key}" was cancelled in Temporal; what RunComfy could not stop runs on under its key`;
    return new GenerationError({ type: 'GenerationCancelled', message, key, cause: error });
  }
  const { how, what } = whatEnded(error);
  const message = `batch "${key}" ${what}; its items run on under their keys, and the same batch started again finds them`;
  return new GenerationError({ type: typeOfEnd[how], message, key, cause: error });
}

/** Refuses a key that belongs to a workflow other than a batch. */
export function refuseNoBatch(key: string, workflowType: string): void {
  if (workflowType === batchWorkflowType) return;
  const message = `key "${key}" is in use by a workflow of type "${workflowType}", which is no batch: choose another key`;
  throw new GenerationError({ type: 'KeyInUse', message, key });
}

/**
 * The error for a part of a batch that can only be read with the help of a worker while none answers. `what` is a
 * plural noun.
 */
export function unanswered(key: string, what: 'items' | 'result lines' | 'cancel outcomes'): GenerationError {
  const message = `the ${what} of batch "${key}" are found with the help of a worker, and none answers: start one with \`runcomfy-temporal worker\``;
  return new GenerationError({ type: 'NoWorker', message, key });
}

/** The error for an invalid batch, or for invalid items. */
export function refuseBatch(key: string, issues: InputIssue[]): GenerationError {
  const message = `nothing was sent, the batch is not valid (key ${key}): ${issuesSentence(issues)}`;
  return new GenerationError({ type: 'InvalidInput', message, key, submission: 'not_sent', issues });
}

/** The error for a page of a batch that Temporal does not keep any more. */
export function keptNoLonger(key: string, what: 'items' | 'results', page: number): GenerationError {
  const message = `page ${String(page)} of the ${what} of batch "${key}" is kept no longer: Temporal's retention has passed`;
  return new GenerationError({ type: 'KeyNotFound', message, key });
}
