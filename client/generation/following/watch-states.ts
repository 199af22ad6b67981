import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { isSameJson } from '../../../domain/json.ts';
import { isGenerationError } from '../../errors.ts';
import { isServerAway } from '../../grpc.ts';
import { awaitResult } from './await-result.ts';
import { isTerminal } from './phase.ts';
import { readState } from './read-state.ts';
import type { KnownState } from './server-state.ts';

/** How states are watched. */
export interface WatchOptions {
  /** Ends the watching, not the generation: the iterator then throws the signal's reason. */
  signal?: AbortSignal;
  /** Pause between two looks while things change; default 1 s. It grows to five times as long while nothing does. */
  intervalMs?: number;
  /** How long an unreachable Temporal is waited for; default 5 minutes. */
  patienceMs?: number;
}

const defaultIntervalMs = 1_000;
const slowest = 5;
const slowdown = 1.4;

/** Yields a generation's state whenever it has changed, the last time as it ended. */
export async function* watchStates(
  client: Client,
  key: string,
  runId: string,
  { signal, intervalMs = defaultIntervalMs, patienceMs }: WatchOptions = {},
): AsyncGenerator<KnownState, void, undefined> {
  const stopper = new AbortController();
  const stop = signal ? AbortSignal.any([signal, stopper.signal]) : stopper.signal;
  let ending: { error?: Error } | undefined;
  const ended = awaitResult(client, key, runId, { signal: stop, patienceMs }).then(
    () => (ending = {}),
    (error: unknown) => (ending = { error: error instanceof Error ? error : new Error(String(error)) }),
  );
  let last: KnownState | undefined;
  let pauseMs = intervalMs;
  try {
    for (;;) {
      signal?.throwIfAborted();
      const isLastLook = ending !== undefined;
      if (ending?.error !== undefined && !isGenerationError(ending.error)) throw ending.error;
      const state = await lookAgain(client, key, stop);
      signal?.throwIfAborted();
      const hasChanged = state !== undefined && !isSameJson(state, last);
      if (hasChanged) {
        last = state;
        yield state;
      }
      if (isLastLook || (last !== undefined && isTerminal(last.phase))) return;
      pauseMs = hasChanged ? intervalMs : Math.min(pauseMs * slowdown, intervalMs * slowest);
      await Promise.race([ended, sleep(pauseMs, undefined, { signal: stopper.signal }).catch(() => undefined)]);
    }
  } finally {
    stopper.abort();
    await ended;
  }
}

/** A server that is away changes nothing about the generation: whoever awaits the end decides how long that may last. */
async function lookAgain(client: Client, key: string, signal: AbortSignal): Promise<KnownState | undefined> {
  try {
    return await readState(client, key, { signal });
  } catch (error) {
    if (isServerAway(error)) return undefined;
    throw error;
  }
}
