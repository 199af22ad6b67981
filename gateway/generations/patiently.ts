import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { isGenerationError } from '../../client/index.ts';
import { asOneCall, isConnectionClosed } from '../../client/operator/index.ts';

/**
 * How long a read waits for Temporal. All clients can wait for this long, and they give up, some of them for good, at
 * the first refusal.
 */
export const readPatienceMs = 18_000;

/** How long a follower waits for Temporal to find a workflow; the same as for its end while Temporal is away. */
export const findPatienceMs = 5 * 60_000;

const callMs = 5_000;
const firstPauseMs = 50;
const longestPauseMs = 500;

/** What a call asks beside Temporal, and what ends it. */
export interface Asking {
  /**
   * The call also asks a worker or the catalogue, which take longer; time is left for the calls to Temporal after their
   * answer.
   */
  asksOthers?: boolean;
  /** Milliseconds that these may still take once no more attempts are made. */
  othersMs?: number;
  /** Stops the attempts. */
  signal?: AbortSignal;
}

/**
 * Repeats a call while Temporal is away or busy, for `forMs` from now. The call must be safe to repeat: Temporal
 * recognizes what all attempts start or send as the same. Each attempt is given the end of that time, in epoch
 * milliseconds of the current clock, for a deadline of its own, which replaces the one set here.
 */
export function patiently<T>(
  client: Client,
  forMs: number,
  call: (giveUpAt: number) => Promise<T>,
  asking: Asking = {},
): Promise<T> {
  return asOneCall(() => repeated(client, forMs, call, asking));
}

/**
 * A large message waits up to a minute for its turn, then up to a minute for a worker and three minutes for the answer.
 */
const messageMs = 310_000;

/** Sends a workflow a message `patiently`; the workflow receives it once, however many attempts are made. */
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

/** Whether Temporal may answer the same call later; never if the gateway closed the connection itself. */
export function isPassing(error: unknown): boolean {
  if (isConnectionClosed(error)) return false;
  return isGenerationError(error) && (error.type === 'TemporalUnreachable' || error.type === 'TemporalBusy');
}
