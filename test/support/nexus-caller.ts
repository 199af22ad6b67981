import { createNexusServiceClient, isCancellation } from '@temporalio/workflow';
import { generationFailureOf, type NexusGenerationFailure, runcomfyService } from '../../nexus/index.ts';

export interface NexusCall {
  endpoint: string;
  operation: 'generate' | 'state' | 'cancel';
  /** Input as a caller in any language may send it. */
  input: unknown;
}

/** The result of an operation as seen by a workflow of another namespace. */
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
