import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { isGenerationError } from '../../client/index.ts';
import { asOneCall, isConnectionClosed } from '../../client/operator/index.ts';

/** How long a read waits for Temporal; suits all clients, which give up, or end for good, at the first that is refused. */
export const readPatienceMs = 18_000;

const callMs = 5_000;
const firstPauseMs = 50;
const longestPauseMs = 500;

/** What a call asks beside Temporal. */
export interface Asking {
  /** A worker or the catalogue, which are awaited for longer: what Temporal is asked behind their answer has time left. */
  asksOthers?: boolean;
  /** Ends the repeating. */
  signal?: AbortSignal;
}

/**
 * Repeats a call, which must be safe to repeat, while Temporal is away or busy; `forMs` from now at most. The call is told
 * when that is: a deadline of its own takes the place of the one that is set here.
 */
export function patiently<T>(
  client: Client,
  forMs: number,
  call: (giveUpAt: number) => Promise<T>,
  asking: Asking = {},
): Promise<T> {
  return asOneCall(() => repeated(client, forMs, call, asking));
}

async function repeated<T>(
  client: Client,
  forMs: number,
  call: (giveUpAt: number) => Promise<T>,
  { asksOthers = false, signal }: Asking,
): Promise<T> {
  const giveUpAt = Date.now() + forMs;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    try {
      const deadline = asksOthers ? giveUpAt : Math.min(Date.now() + callMs, giveUpAt);
      return await client.withDeadline(deadline, () => call(giveUpAt));
    } catch (error) {
      if (!isPassing(error) || signal?.aborted || Date.now() + pauseMs >= giveUpAt) throw error;
      await sleep(pauseMs);
    }
  }
}

/** Whether Temporal may answer the same call later; never where it was we who closed the connection, to end. */
export function isPassing(error: unknown): boolean {
  if (isConnectionClosed(error)) return false;
  return isGenerationError(error) && (error.type === 'TemporalUnreachable' || error.type === 'TemporalBusy');
}
