import { setTimeout as sleep } from 'node:timers/promises';
import { ApplicationFailure, type Client, WorkflowFailedError } from '@temporalio/client';
import type { GenerationResult } from '../../../domain/generation.ts';
import { toGenerationError } from '../../errors.ts';
import { isServerAway } from '../../grpc.ts';
import { readState } from './read-state.ts';
import type { KnownState } from './server-state.ts';

/** How an end is waited for. */
export interface WaitOptions {
  /** Stops the waiting, not the generation: the promise then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** How long an unreachable Temporal is waited for; default 5 minutes. */
  patienceMs?: number | undefined;
}

const defaultPatienceMs = 5 * 60_000;
const pauseWhileAwayMs = 2_000;
/** A wait that lasted this long had reached the server, so that the patience starts anew. */
const reachedAfterMs = 60_000;

/** Waits for the end of a run and of those that continue it; a server that is away for a while is waited for. */
export async function awaitResult(
  client: Client,
  key: string,
  runId: string,
  { signal, patienceMs = defaultPatienceMs }: WaitOptions = {},
): Promise<GenerationResult> {
  let isAwaySince: number | undefined;
  for (;;) {
    signal?.throwIfAborted();
    const askedAt = Date.now();
    const ask = () => client.workflow.result(key, runId) as Promise<GenerationResult>;
    try {
      return await (signal ? client.withAbortSignal(signal, ask) : ask());
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof WorkflowFailedError) throw await explain(client, key, error);
      if (!isServerAway(error)) throw error;
      if (isAwaySince === undefined || Date.now() - askedAt > reachedAfterMs) isAwaySince = askedAt;
      if (Date.now() - isAwaySince > patienceMs) throw error;
      await sleep(pauseWhileAwayMs);
    }
  }
}

/** An ending other than our own failure carries no details: the state has them. */
async function explain(client: Client, key: string, error: WorkflowFailedError): Promise<Error> {
  if (error.cause instanceof ApplicationFailure) return toGenerationError(error, key);
  const state: KnownState | undefined = await readState(client, key).catch(() => undefined);
  return toGenerationError(error, key, state);
}
