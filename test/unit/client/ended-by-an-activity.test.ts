import {
  ActivityFailure,
  ApplicationFailure,
  TerminatedFailure,
  TimeoutFailure,
  WorkflowFailedError,
} from '@temporalio/client';
import { RetryState, TimeoutType } from '@temporalio/common';
import { expect, it } from 'vitest';
import { toBatchError } from '../../../client/batch/batch-errors.ts';
import { toPipelineError } from '../../../client/pipeline/pipeline-errors.ts';

const byHand = ApplicationFailure.create({ message: 'it looked stuck', nonRetryable: true });
const activity = new ActivityFailure(
  ...(['Activity task failed', 'runWindow', '1', RetryState.NON_RETRYABLE_FAILURE, undefined, byHand] as const),
);
const ended = (cause: Error) => new WorkflowFailedError('failed', cause, RetryState.NON_RETRYABLE_FAILURE);
const late = new TimeoutFailure('late', undefined, TimeoutType.START_TO_CLOSE);

it.each([
  [
    'by an activity that was given up',
    activity,
    'GenerationFailed',
    'an activity of it was given up (it looked stuck)',
  ],
  ["by Temporal's timeout", late, 'GenerationTimedOut', "was ended by Temporal's own timeout"],
  ['by hand', new TerminatedFailure('by hand'), 'GenerationCancelled', 'was terminated in Temporal'],
])('a batch that was ended %s says so', (_, cause, type, what) => {
  const error = toBatchError(ended(cause), 'nightly');
  expect(error).toMatchObject({ type, key: 'nightly', message: expect.stringContaining(what) as string });
  expect(error.message).toContain('its items run on under their keys');
});

it.each([
  ['by an activity that was given up', activity, 'PipelineFailed', 'an activity of it was given up (it looked stuck)'],
  ["by Temporal's timeout", late, 'PipelineTimedOut', "was ended by Temporal's own timeout"],
  ['by hand', new TerminatedFailure('by hand'), 'PipelineCancelled', 'was terminated in Temporal'],
])('a pipeline that was ended %s says so', (_, cause, type, what) => {
  const error = toPipelineError(ended(cause), 'film');
  expect(error).toMatchObject({ type, key: 'film', message: expect.stringContaining(what) as string });
  expect(error.message).toContain('its orders were asked to cancel');
});
