// A workflow of another namespace that has an image made by Nexus: it knows an endpoint, no task queue of ours.
//
// In a project of your own the import is from 'runcomfy-temporal/nexus'.
import { ApplicationFailure, createNexusServiceClient } from '@temporalio/workflow';
import { generationFailureOf, runcomfyService } from '../../nexus/index.ts';

export interface PosterOrder {
  endpoint: string;
  /** The same key never orders twice, whoever calls with it. */
  key: string;
  prompt: string;
}

/** The URL of a poster; cancelled, it asks RunComfy to stop and waits until it is known what came of that. */
export async function poster({ endpoint, key, prompt }: PosterOrder): Promise<string> {
  const runcomfy = createNexusServiceClient({ endpoint, service: runcomfyService });
  const model = 'blackforestlabs/flux-2-klein/4b/text-to-image';
  try {
    const { output } = await runcomfy.executeOperation('generate', { key, model, input: { prompt } });
    return output.images[0] ?? '';
  } catch (error) {
    const failure = generationFailureOf(error);
    if (failure === undefined) throw error;
    // Branch on the type; the details say whether anything was sent, and as which request.
    const { type, message, details } = failure;
    throw ApplicationFailure.create({ type, message, details: [details], nonRetryable: true });
  }
}
