import { type Client, WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure, RetryState } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { toGenerationError } from '../../../client/errors.ts';
import type { GenerationHandle } from '../../../client/generation/generation-handle.ts';
import { createKnownGenerations } from '../../../client/pipeline/known-generations.ts';

describe('the order of a key that a pipeline follows', () => {
  it('tells every bill with its failure', async () => {
    const bills = { costUsd: 1, otherRequestIds: ['r-2'], otherCostUsd: 0.5, otherCostsUnknown: 1 };
    const details = { submission: 'accepted', requestId: 'r-1', ...bills };
    const cause = ApplicationFailure.create({ type: 'GenerationFailed', message: 'no', details: [details] });
    const failed = new WorkflowFailedError('failed', cause, RetryState.NON_RETRYABLE_FAILURE);
    const result = () => Promise.reject(toGenerationError(failed, 'k'));
    const client = { withDeadline: (_: number, ask: () => unknown) => ask() } as unknown as Client;
    const known = createKnownGenerations(client, {
      get: () => Promise.resolve({ result } as unknown as GenerationHandle),
    });
    expect(await known.follow('k', new AbortController().signal)).toMatchObject({
      failure: { type: 'GenerationFailed', requestId: 'r-1', ...bills },
    });
  });
});
