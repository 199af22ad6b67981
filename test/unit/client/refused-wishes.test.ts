import { ApplicationFailure, type Client, WorkflowUpdateFailedError } from '@temporalio/client';
import { expect, it } from 'vitest';
import { cancelBatch } from '../../../client/batch/telling/tell-batch.ts';
import { cancelPipeline } from '../../../client/pipeline/decide.ts';

it.each([
  ['runcomfyPipeline', cancelPipeline],
  ['runcomfyBatch', cancelBatch],
])('a cancel whose words a workflow of type %s refuses is no end of it', async (name, cancel) => {
  const issues = [{ path: '$.detatch', message: 'unknown field' }];
  const cause = ApplicationFailure.create({ type: 'InvalidInput', message: 'refused', details: [{ issues }] });
  const startUpdate = () => Promise.reject(new WorkflowUpdateFailedError('Workflow Update failed', cause));
  const description = { workflowExecutionInfo: { type: { name }, status: 1 }, pendingActivities: [] };
  const client = {
    options: { namespace: 'default' },
    withAbortSignal: (_: AbortSignal, call: () => unknown) => call(),
    withDeadline: (_: number, call: () => unknown) => call(),
    workflow: { getHandle: () => ({ startUpdate, query: () => Promise.resolve({ phase: 'running', steps: [] }) }) },
    workflowService: { describeWorkflowExecution: () => Promise.resolve(description) },
  } as unknown as Client;
  await expect(cancel(client, 'k', { detatch: true } as object)).rejects.toMatchObject({
    type: 'InvalidInput',
    message: 'refused',
    issues,
  });
});
