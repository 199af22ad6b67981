import { ApplicationFailure, type Client, type WorkflowFailedError } from '@temporalio/client';
import type { GenerationResult } from '../../../domain/generation.ts';
import { awaitEnd, type WaitOptions } from '../../await-end.ts';
import { toGenerationError } from '../../errors.ts';
import type { FoundRun } from '../run-info.ts';
import { readState } from './read-state.ts';
import type { KnownState } from './server-state.ts';

/** Waits for the result of a run and of the runs that continue it; retries while the server is away. */
export async function awaitResult(client: Client, run: FoundRun, options: WaitOptions = {}): Promise<GenerationResult> {
  return await awaitEnd(client, run, options, (error) => explain(client, run.key, error));
}

/** Any other ending than a failure of ours carries no details, so they are taken from the state. */
async function explain(client: Client, key: string, error: WorkflowFailedError): Promise<Error> {
  if (error.cause instanceof ApplicationFailure) return toGenerationError(error, key);
  const state: KnownState | undefined = await readState(client, key).catch(() => undefined);
  return toGenerationError(error, key, state);
}
