// The pipeline itself: a workflow of your own that orders an image, then a clip made from it. `generate` orders each as a
// child workflow of type `runcomfyGeneration`, on the task queue of the generation worker; this code runs on yours. Started
// again under its key, after a reset or with another `motion`, it finds what was made and orders only what has changed.
//
// In a project of your own the import is from 'runcomfy-temporal/workflows'.
import { ApplicationFailure, defineQuery, setHandler } from '@temporalio/workflow';
import { cancelledGenerationOf, generate, type GeneratedResult } from '../../workflows/library.ts';

export interface ClipOrder {
  scene: string;
  motion: string;
}

/** One generation of the pipeline and what became of it. */
export interface Step {
  name: string;
  /** `running`, `ordered`, `reused`, `failed`, or for a cancelled one what RunComfy made of the cancel. */
  became: string;
  requestId?: string | undefined;
}

export const stepsQuery = defineQuery<Step[]>('steps');

/** An image of the scene, then a clip that sets it in motion; the clip's URL. */
export async function illustratedClip({ scene, motion }: ClipOrder): Promise<string> {
  const steps: Step[] = [];
  setHandler(stepsQuery, () => steps);

  const image = await told(steps, 'image', () =>
    generate({ model: 'blackforestlabs/flux-2-klein/4b/text-to-image', input: { prompt: scene } }, { step: 'image' }),
  );
  const start = firstOf(image.output.images);
  const clip = await told(steps, 'clip', () =>
    generate(
      {
        model: 'kling/kling-3.0/standard/image-to-video',
        // The input of a bundled model is typed: a misspelt field does not compile.
        input: { prompt: motion, start_image_url: start, duration: 5 },
      },
      { step: 'clip' },
    ),
  );
  return firstOf(clip.output.videos);
}

/** Notes what became of a step, for whoever asks. */
async function told(steps: Step[], name: string, run: () => Promise<GeneratedResult>): Promise<GeneratedResult> {
  const step: Step = { name, became: 'running' };
  steps.push(step);
  try {
    const result = await run();
    Object.assign(step, { became: result.reused ? 'reused' : 'ordered', requestId: result.requestId });
    return result;
  } catch (error) {
    const cancelled = cancelledGenerationOf(error);
    Object.assign(step, { became: cancelled?.outcome ?? 'failed', requestId: cancelled?.requestId });
    throw error;
  }
}

function firstOf(urls: string[]): string {
  const [url] = urls;
  if (url !== undefined) return url;
  throw ApplicationFailure.nonRetryable('the generation succeeded without the output this pipeline needs');
}
