import type { Client } from '@temporalio/client';
import { withClientErrors } from '../convert-errors.ts';
import type { CheckOptions, RequestDraft } from '../generation/starting/check-request.ts';
import { type StartedGeneration, startGeneration, type StartOptions } from '../generation/starting/start-generation.ts';
import type { Starter } from '../generation/starting/start-workflow.ts';

/** Options of a start by a function of the caller's. */
export interface StartByOptions extends CheckOptions {
  taskQueue: string;
  starter: Starter;
}

/**
 * Starts a generation, or attaches to it, as the client does, but with the caller's own function to start the workflow,
 * such as that of a Nexus handler.
 */
export function startGenerationBy(
  client: Client,
  request: RequestDraft,
  options: StartOptions & { key: string },
  { taskQueue, ...by }: StartByOptions,
): Promise<StartedGeneration> {
  return withClientErrors(options.key, () => startGeneration(client, taskQueue, request, options, by));
}
