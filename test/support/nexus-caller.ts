import { createNexusServiceClient, isCancellation } from '@temporalio/workflow';
import { generationFailureOf, type NexusGenerationFailure, runcomfyService } from '../../nexus/index.ts';

export interface NexusCall {
  endpoint: string;
  operation: 'generate' | 'state' | 'cancel';
  /** As any language may send it. */
  input: unknown;
}

/** What an operation came to, as a workflow of another namespace sees it. */
export interface NexusAnswer {
  output?: unknown;
  failure?: NexusGenerationFailure | undefined;
  isCancelled?: boolean;
  /** Names of the error and of its causes. */
  chain?: string[];
}

/** A workflow of another namespace that calls one operation. */
export async function nexusCaller({ endpoint, operation, input }: NexusCall): Promise<NexusAnswer> {
  const runcomfy = createNexusServiceClient({ endpoint, service: runcomfyService });
  try {
    return { output: await runcomfy.executeOperation(operation, input as never) };
  } catch (error) {
    return { failure: generationFailureOf(error), isCancelled: isCancellation(error), chain: chainOf(error) };
  }
}

function chainOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  return [error.name, ...chainOf(error.cause)];
}
