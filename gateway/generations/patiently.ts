import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { isGenerationError } from '../../client/index.ts';
import { asOneCall } from '../../client/operator/index.ts';

const callMs = 5_000;
const firstPauseMs = 50;
const longestPauseMs = 500;

/** Repeats a call, which must be safe to repeat, while Temporal is away or busy; `forMs` from now at most. */
export function patiently<T>(client: Client, forMs: number, call: () => Promise<T>): Promise<T> {
  return asOneCall(() => repeated(client, forMs, call));
}

async function repeated<T>(client: Client, forMs: number, call: () => Promise<T>): Promise<T> {
  const giveUpAt = Date.now() + forMs;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    try {
      return await client.withDeadline(Math.min(Date.now() + callMs, giveUpAt), call);
    } catch (error) {
      if (!isPassing(error) || Date.now() + pauseMs >= giveUpAt) throw error;
      await sleep(pauseMs);
    }
  }
}

/** Whether Temporal may answer the same call later. */
export function isPassing(error: unknown): boolean {
  return isGenerationError(error) && (error.type === 'TemporalUnreachable' || error.type === 'TemporalBusy');
}
