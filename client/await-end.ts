import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, WorkflowFailedError } from '@temporalio/client';
import { isOutOfTime, mayPass } from './grpc.ts';
import { withSignal } from './with-signal.ts';

/** How an end is waited for. */
export interface WaitOptions {
  /** Stops the waiting, not what is waited for: the promise then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** How long an unreachable Temporal is waited for; default 5 minutes. */
  patienceMs?: number | undefined;
}

/** Milliseconds that an unreachable Temporal is waited for. */
export const defaultPatienceMs = 5 * 60_000;
const pauseWhileAwayMs = 2_000;
/** A wait that lasted this long had reached the server, so that the patience starts anew. */
const reachedAfterMs = 60_000;

/** What is left behind holds a place among the server's long polls for so long. */
const askWithinMs = 20_000;

/**
 * Waits within a worker, whose connection heeds no signal: what is awaited is left at once where the signal is aborted,
 * and what it asks ends soon by its deadline.
 */
export async function unlessAborted<T>(client: Client, signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    const askedAt = Date.now();
    let leave: (() => void) | undefined;
    const left = new Promise<never>((_resolve, reject) => {
      leave = () => {
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', leave);
    });
    try {
      return await Promise.race([client.withDeadline(askedAt + askWithinMs, ask), left]);
    } catch (error) {
      signal.throwIfAborted();
      const isItsDeadline = isOutOfTime(error) && Date.now() - askedAt > askWithinMs / 2;
      if (!isItsDeadline) throw error;
    } finally {
      if (leave) signal.removeEventListener('abort', leave);
    }
  }
}

/**
 * Waits for the end of a run and of those that continue it; a server that is away or busy for a while is waited for. How
 * it failed is told by `explain`.
 */
export async function awaitEnd<Result>(
  client: Client,
  { key, runId }: { key: string; runId: string },
  { signal, patienceMs = defaultPatienceMs }: WaitOptions,
  explain: (error: WorkflowFailedError) => Promise<Error>,
): Promise<Result> {
  let isAwaySince: number | undefined;
  for (;;) {
    signal?.throwIfAborted();
    const askedAt = performance.now();
    const ask = () => client.workflow.result(key, runId) as Promise<Result>;
    try {
      return await (signal ? withSignal(client, signal, ask) : ask());
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof WorkflowFailedError) throw await explain(error);
      if (!mayPass(error)) throw error;
      const now = performance.now();
      const hadReached = now - askedAt > reachedAfterMs;
      isAwaySince = hadReached ? now : (isAwaySince ?? askedAt);
      if (now - isAwaySince > patienceMs) throw error;
      await sleep(pauseWhileAwayMs, undefined, signal && { signal }).catch(() => undefined);
    }
  }
}
