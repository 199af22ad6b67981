import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { isGenerationError } from '../../client/index.ts';
import { asOneCall, isConnectionClosed } from '../../client/operator/index.ts';

/** How long a read waits for Temporal; suits all clients, which give up, or end for good, at the first that is refused. */
export const readPatienceMs = 18_000;

/** How long who follows something waits for Temporal to find it, as its end is awaited while Temporal is away. */
export const findPatienceMs = 5 * 60_000;

const callMs = 5_000;
const firstPauseMs = 50;
const longestPauseMs = 500;

/** What a call asks beside Temporal. */
export interface Asking {
  /** A worker or the catalogue, which are awaited for longer: what Temporal is asked behind their answer has time left. */
  asksOthers?: boolean;
  /** As long as they may be awaited once it is repeated no more. */
  othersMs?: number;
  /** Ends the repeating. */
  signal?: AbortSignal;
}

/**
 * Repeats a call, which must be safe to repeat, while Temporal is away or busy; `forMs` from now at most. What each attempt
 * starts, or tells a workflow, is the same to Temporal. Each attempt is told when that is, in epoch milliseconds by the clock
 * as it stands then: a deadline of its own takes the place of the one that is set here.
 */
export function patiently<T>(
  client: Client,
  forMs: number,
  call: (giveUpAt: number) => Promise<T>,
  asking: Asking = {},
): Promise<T> {
  return asOneCall(() => repeated(client, forMs, call, asking));
}

/** A large message has a minute until its turn, a worker one to take it, and three to answer it. */
const messageMs = 310_000;

/** Tells a workflow something, `patiently`: it hears that once, however often it is told. */
export function tellPatiently<T>(client: Client, tell: () => Promise<T>): Promise<T> {
  return patiently(client, readPatienceMs, tell, { asksOthers: true, othersMs: messageMs });
}

async function repeated<T>(
  client: Client,
  forMs: number,
  call: (giveUpAt: number) => Promise<T>,
  { asksOthers = false, othersMs = 0, signal }: Asking,
): Promise<T> {
  const giveUpAt = performance.now() + forMs;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    const leftMs = Math.round(giveUpAt - performance.now());
    const now = Date.now();
    try {
      const deadline = now + (asksOthers ? leftMs + othersMs : Math.min(callMs, leftMs));
      return await client.withDeadline(deadline, () => call(now + leftMs));
    } catch (error) {
      if (!isPassing(error) || signal?.aborted || performance.now() + pauseMs >= giveUpAt) throw error;
      await sleep(pauseMs);
    }
  }
}

/** Whether Temporal may answer the same call later; never where it was we who closed the connection, to end. */
export function isPassing(error: unknown): boolean {
  if (isConnectionClosed(error)) return false;
  return isGenerationError(error) && (error.type === 'TemporalUnreachable' || error.type === 'TemporalBusy');
}
