import { ApplicationFailure, type Client, type WorkflowFailedError } from '@temporalio/client';
import type { GenerationResult } from '../../../domain/generation.ts';
import { awaitEnd, type WaitOptions } from '../../await-end.ts';
import { toGenerationError } from '../../errors.ts';
import type { FoundRun } from '../run-info.ts';
import { readState } from './read-state.ts';
import type { KnownState } from './server-state.ts';

/** Waits for the end of a run and of those that continue it; a server that is away for a while is waited for. */
export async function awaitResult(client: Client, run: FoundRun, options: WaitOptions = {}): Promise<GenerationResult> {
  return await awaitEnd(client, run, options, (error) => explain(client, run.key, error));
}

/** An ending other than our own failure carries no details: the state has them. */
async function explain(client: Client, key: string, error: WorkflowFailedError): Promise<Error> {
  if (error.cause instanceof ApplicationFailure) return toGenerationError(error, key);
  const state: KnownState | undefined = await readState(client, key).catch(() => undefined);
  return toGenerationError(error, key, state);
}
