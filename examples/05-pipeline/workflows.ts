// The pipeline itself: a workflow of your own that orders an image, then a clip made from it, as child workflows of type
// `runcomfyGeneration`. They run on the task queue of the generation worker; this code runs on yours.
import {
  ApplicationFailure,
  CancellationScope,
  ChildWorkflowCancellationType,
  defineQuery,
  executeChild,
  isCancellation,
  ParentClosePolicy,
  proxyActivities,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { GenerationRequest, GenerationResult } from '../../client/index.ts';
import type { PipelineActivities } from './activities.ts';

export interface ClipOrder {
  scene: string;
  motion: string;
}

/** One generation of the pipeline and what became of it. */
export interface Step {
  key: string;
  /** `running`, `succeeded`, `failed`, or for a cancelled one what RunComfy made of the cancel. */
  became: string;
  requestId?: string;
}

export const stepsQuery = defineQuery<Step[]>('steps');

const { cancelOutcome } = proxyActivities<PipelineActivities>({
  startToCloseTimeout: '15 seconds',
  scheduleToCloseTimeout: '1 minute',
});

/** An image of the scene, then a clip that sets it in motion; the clip's URL. */
export async function illustratedClip({ scene, motion }: ClipOrder): Promise<string> {
  const steps: Step[] = [];
  setHandler(stepsQuery, () => steps);

  const image = await generate(steps, 'image', {
    model: 'blackforestlabs/flux-2-klein/4b/text-to-image',
    input: { prompt: scene },
  });
  const clip = await generate(steps, 'clip', {
    model: 'kling/kling-3.0/standard/image-to-video',
    input: { prompt: motion, start_image_url: firstOf(image.output.images), duration: 5 },
  });
  return firstOf(clip.output.videos);
}

type Generation = (request: GenerationRequest) => Promise<GenerationResult>;

async function generate(steps: Step[], name: string, request: GenerationRequest): Promise<GenerationResult> {
  const step: Step = { key: `${workflowInfo().workflowId}/${name}`, became: 'running' };
  steps.push(step);
  try {
    const result = await executeChild<Generation>('runcomfyGeneration', {
      workflowId: step.key,
      taskQueue: 'runcomfy',
      args: [request],
      // A reset of this workflow must not order the step a second time: it fails, and the key still has the result.
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      // The default, TERMINATE, runs no code in the child: RunComfy would never hear that nobody wants the work.
      parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
      // A cancel of the pipeline has ended only when the child knows what RunComfy made of it.
      cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
    });
    step.became = 'succeeded';
    step.requestId = result.requestId;
    return result;
  } catch (error) {
    step.became = 'failed';
    if (isCancellation(error)) {
      // A child that closes as Canceled carries no details, so its state is asked: queries work on closed runs.
      Object.assign(step, await CancellationScope.nonCancellable(() => outcomeOf(step.key)));
    }
    throw error;
  }
}

async function outcomeOf(key: string): Promise<Omit<Step, 'key'>> {
  try {
    return await cancelOutcome(key);
  } catch {
    return { became: 'unknown' };
  }
}

function firstOf(urls: string[]): string {
  const [url] = urls;
  if (url !== undefined) return url;
  throw ApplicationFailure.nonRetryable('the generation succeeded without the output this pipeline needs');
}
