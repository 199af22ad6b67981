// A workflow of this project: it orders its image as a child workflow, which the generation worker carries out.
import { ApplicationFailure, ChildWorkflowCancellationType, executeChild, workflowInfo } from '@temporalio/workflow';
import type { GenerationRequest, GenerationResult } from 'runcomfy-temporal';

type Generation = (request: GenerationRequest) => Promise<GenerationResult>;

/** A poster of a topic; the URL of its image. */
export async function poster(topic: string): Promise<string> {
  const { output } = await executeChild<Generation>('runcomfyGeneration', {
    workflowId: `${workflowInfo().workflowId}/image`,
    taskQueue: 'runcomfy',
    args: [{ model: 'blackforestlabs/flux-2-klein/4b/text-to-image', input: { prompt: `A poster: ${topic}` } }],
    // What was ordered once is not ordered again, and a cancel ends when RunComfy has answered it.
    workflowIdReusePolicy: 'REJECT_DUPLICATE',
    parentClosePolicy: 'REQUEST_CANCEL',
    cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
  });
  const [image] = output.images;
  if (image === undefined) throw ApplicationFailure.nonRetryable('the generation made no image');
  return image;
}
