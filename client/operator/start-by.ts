import type { Client } from '@temporalio/client';
import { named } from '../convert-errors.ts';
import type { CheckOptions, RequestDraft } from '../generation/starting/check-request.ts';
import { type StartedGeneration, startGeneration, type StartOptions } from '../generation/starting/start-generation.ts';
import type { Starter } from '../generation/starting/start-workflow.ts';

/** How a generation is started where the caller brings what starts its workflow. */
export interface StartByOptions extends CheckOptions {
  taskQueue: string;
  starter: Starter;
}

/** Starts a generation, or attaches to it, as the client does, by another call than its own: that of a Nexus handler. */
export function startGenerationBy(
  client: Client,
  request: RequestDraft,
  options: StartOptions & { key: string },
  { taskQueue, ...by }: StartByOptions,
): Promise<StartedGeneration> {
  return named(options.key, () => startGeneration(client, taskQueue, request, options, by));
}
