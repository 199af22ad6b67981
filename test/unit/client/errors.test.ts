import { ServiceError, WorkflowFailedError } from '@temporalio/client';
import {
  ApplicationFailure,
  CancelledFailure,
  RetryState,
  TerminatedFailure,
  TimeoutFailure,
  TimeoutType,
  WorkflowNotFoundError,
} from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { toClientError } from '../../../client/convert-errors.ts';
import { isGenerationError, toGenerationError } from '../../../client/errors.ts';
import { failureTypes } from '../../../domain/failure-type.ts';
import type { GenerationState } from '../../../domain/generation.ts';

const state: GenerationState = {
  phase: 'cancelled',
  model: 'a/b',
  submission: 'accepted',
  requestId: 'r-1',
  reads: 1,
  deadlineAt: '2026-01-01T00:00:00Z',
  cancel: { requestedAt: '2026-01-01T00:00:00Z', outcome: 'not_cancellable' },
};

function failed(cause: Error): WorkflowFailedError {
  return new WorkflowFailedError('Workflow execution failed', cause, RetryState.NON_RETRYABLE_FAILURE);
}

describe('toGenerationError', () => {
  it.each(failureTypes)('keeps type, message and details of %s', (type) => {
    const details = { model: 'a/b', key: 'k', phase: 'failed', submission: 'refused', requestId: 'r-1', issues: [] };
    const error = toGenerationError(
      failed(ApplicationFailure.create({ type, message: 'why', details: [details] })),
      'k',
    );
    expect(error).toMatchObject({
      type,
      message: 'why',
      key: 'k',
      model: 'a/b',
      requestId: 'r-1',
      submission: 'refused',
      details,
    });
    expect(isGenerationError(error)).toBe(true);
  });

  it('takes a failure of a type it does not know, without details, for a failed generation', () => {
    const error = toGenerationError(failed(ApplicationFailure.create({ type: 'Odd', message: 'why' })), 'k');
    expect(error).toMatchObject({ type: 'GenerationFailed', message: 'why', key: 'k', requestId: undefined });
  });

  it('takes what a cancelled execution cannot carry from its state', () => {
    expect(toGenerationError(failed(new CancelledFailure('Workflow canceled')), 'k', state)).toMatchObject({
      type: 'GenerationCancelled',
      requestId: 'r-1',
      submission: 'accepted',
      message: 'generation "k" (request r-1) was cancelled; what RunComfy made of it: not_cancellable',
    });
  });

  it.each<[string, () => Error]>([
    ['GenerationCancelled', () => new TerminatedFailure('terminated')],
    ['GenerationTimedOut', () => new TimeoutFailure('late', undefined, TimeoutType.START_TO_CLOSE)],
  ])('says of an end from outside that RunComfy was not told: %s', (type, cause) => {
    const error = toGenerationError(failed(cause()), 'k');
    expect(error).toMatchObject({ type, submission: 'unknown' });
    expect(error.message).toContain('RunComfy was not told');
  });
});

describe('toClientError', () => {
  const grpc = (code: number) => Object.assign(new Error('grpc'), { code, details: 'why', metadata: {} });

  it('names a key that Temporal does not know', () => {
    expect(toClientError(new WorkflowNotFoundError('gone', 'k', undefined), 'k')).toMatchObject({
      type: 'KeyNotFound',
    });
  });

  it.each([14, 7, 16])('names a server that gives no answer or refuses us (gRPC %d)', (code) => {
    const error = toClientError(new ServiceError('failed', { cause: grpc(code) }), 'k');
    expect(error).toMatchObject({ type: 'TemporalUnreachable', message: expect.stringContaining('(why)') as string });
  });

  it('leaves everything else as it is', () => {
    const defect = new TypeError('defect');
    expect(toClientError(defect, 'k')).toBe(defect);
  });
});
