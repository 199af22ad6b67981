import { type Client, WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure, RetryState } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { createItemOrders } from '../../../client/batch/item-orders.ts';
import { createPipelineItemOrders } from '../../../client/batch/pipeline-item-orders.ts';
import { toGenerationError } from '../../../client/errors.ts';
import { cancelGeneration, type CancelOptions } from '../../../client/generation/deciding/cancel-generation.ts';
import type { GenerationHandle } from '../../../client/generation/generation-handle.ts';
import { createKnownGenerations } from '../../../client/pipeline/known-generations.ts';

describe('the order of a key that a pipeline follows', () => {
  it('does not pass for one that RunComfy stopped where its workflow was cancelled and nobody tells what became of it', async () => {
    const failed = new WorkflowFailedError('failed', new CancelledFailure('cancelled'), RetryState.CANCEL_REQUESTED);
    const follow = async (state: object) => {
      const result = () => Promise.reject(toGenerationError(failed, 'k', state as never));
      const client = { withDeadline: (_: number, ask: () => unknown) => ask() } as unknown as Client;
      const known = createKnownGenerations(client, {
        get: () => Promise.resolve({ result } as unknown as GenerationHandle),
      });
      return await known.follow('k', new AbortController().signal);
    };
    const told = { requestId: 'r', phase: 'cancelled', submission: 'accepted' };
    expect(await follow(told)).toMatchObject({ failure: { type: 'GenerationCancelled', submission: 'unknown' } });
    const details = { ...told, cancel: { requestedAt: '', outcome: 'cancelled' } };
    expect(await follow({ ...told, failure: { details } })).toMatchObject({
      failure: { submission: 'accepted', cancel: 'cancelled' },
    });
  });

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

describe('a cancel that is asked for again, since the worker that asked before was lost', () => {
  /** Temporal where that cancel has ended what it was for. */
  const temporalAfter = (workflowType: string, outcome: string) => {
    const handle = {
      startUpdate: () => Promise.reject(new WorkflowNotFoundError('ended', 'k', undefined)),
      query: () => Promise.resolve({ phase: 'cancelled', cancel: { outcome } }),
    };
    const workflowExecutionInfo = { type: { name: workflowType }, status: 3 };
    const client = {
      withAbortSignal: (_: AbortSignal, call: () => unknown) => call(),
      withDeadline: (_: number, call: () => unknown) => call(),
      options: { namespace: 'default' },
      workflow: { getHandle: () => handle },
      workflowService: {
        describeWorkflowExecution: () => Promise.resolve({ workflowExecutionInfo, pendingActivities: [] }),
      },
    } as unknown as Client;
    const cancel = (reason?: string, options?: CancelOptions) => cancelGeneration(client, 'k', reason, options);
    const generations = { get: () => Promise.resolve({ cancel } as GenerationHandle) };
    return { client, generations, taskQueue: 'runcomfy' };
  };

  it.each([
    ['an order of a pipeline', 'runcomfyGeneration', (at) => createKnownGenerations(at.client, at.generations)],
    ['an item of a batch', 'runcomfyGeneration', createItemOrders],
    ['a pipeline of a batch', 'runcomfyPipeline', createPipelineItemOrders],
  ] satisfies [string, string, (at: ReturnType<typeof temporalAfter>) => { cancel: Cancel }][])(
    'tells what became of %s',
    async (_, workflowType, knownTo) => {
      const outcomeOf = (outcome: string) =>
        knownTo(temporalAfter(workflowType, outcome)).cancel('k', undefined, 1_000);
      expect(await outcomeOf('not_submitted')).toBe('not_submitted');
      expect(await outcomeOf('cancelled')).toBe('cancelled');
      expect(await outcomeOf('unknown')).toBe('too_late');
    },
  );
});

type Cancel = ReturnType<typeof createKnownGenerations>['cancel'];
