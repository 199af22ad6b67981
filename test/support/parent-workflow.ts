import { ChildWorkflowCancellationType, executeChild, ParentClosePolicy } from '@temporalio/workflow';
import type { GenerationRequest, GenerationResult } from '../../domain/generation.ts';

export interface ParentOrder {
  workflowId: string;
  taskQueue: string;
  request: GenerationRequest;
}

/** A user's workflow that orders a generation and passes its own cancellation, or its end, on to it. */
export async function parent({ request, ...child }: ParentOrder): Promise<GenerationResult> {
  return (await executeChild('runcomfyGeneration', {
    ...child,
    args: [request],
    cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
    parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
  })) as GenerationResult;
}
