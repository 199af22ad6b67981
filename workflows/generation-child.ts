import {
  ChildWorkflowCancellationType,
  type ChildWorkflowHandle,
  ParentClosePolicy,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import type { GenerationRequest, GenerationResult } from '../domain/generation.ts';
import { labelMemo } from '../domain/labels.ts';
import { generationWorkflowType, retryOfRunMemoKey } from '../domain/names.ts';
import { labelsOfRun } from './labels.ts';

type Generation = (request: GenerationRequest) => Promise<GenerationResult>;

export interface ChildOrder {
  key: string;
  request: GenerationRequest;
  /** Default: the queue of the workflow that orders. */
  taskQueue?: string | undefined;
  /** Run id of the unbilled run of this key that this one follows. */
  retryOfRunId?: string | undefined;
}

/**
 * Orders a generation as a child of the calling workflow, in the only way that loses nothing paid: one order per key,
 * and a parent that ends in any way asks the child to cancel instead of terminating it. Throws if the key already
 * exists (`isKeyTaken`); the generation is then to be followed.
 */
export async function startGenerationChild(order: ChildOrder): Promise<ChildWorkflowHandle<Generation>> {
  const { key, request, taskQueue = workflowInfo().taskQueue, retryOfRunId } = order;
  return await startChild<Generation>(generationWorkflowType, {
    workflowId: key,
    taskQueue,
    args: [request],
    workflowIdReusePolicy: retryOfRunId === undefined ? 'REJECT_DUPLICATE' : 'ALLOW_DUPLICATE_FAILED_ONLY',
    memo: { ...labelMemo(labelsOfRun()), ...(retryOfRunId !== undefined && { [retryOfRunMemoKey]: retryOfRunId }) },
    // The default, TERMINATE, runs no code in the child: RunComfy would never be told that the work is no longer
    // wanted.
    parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
    cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
    staticSummary: request.model,
  });
}

/** Whether a child was not started because its key already exists, running or ended. */
export function isKeyTaken(error: unknown): boolean {
  return error instanceof Error && error.name === 'WorkflowExecutionAlreadyStartedError';
}
