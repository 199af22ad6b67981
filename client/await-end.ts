import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, type Connection, WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { describeKnown, describeRun, type FoundRun } from './generation/run-info.ts';
import { isOutOfTime, mayPass } from './grpc.ts';
import { unlessLeft, withSignal } from './with-signal.ts';

/** Options of waiting for an end. */
export interface WaitOptions {
  /** Stops the waiting, not the workflow: the promise then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** How long to wait for an unreachable Temporal; default 5 minutes. */
  patienceMs?: number | undefined;
}

/** How long to wait for an unreachable Temporal, in milliseconds. */
export const defaultPatienceMs = 5 * 60_000;
const pauseWhileAwayMs = 2_000;
/**
 * A failed call that lasted at least this long counts as having reached the server, if the server was known to be up.
 */
const reachedAfterMs = 60_000;
const answerWithinMs = 5_000;
/**
 * Longest single call that waits with a signal: the SDK keeps each long poll of a call attached to the call's signal
 * for as long as the call lasts.
 */
const roundMs = 5 * 60_000;

/**
 * Deadline of a single call inside a worker: an abandoned call holds one of the server's long-poll slots until then.
 */
const askWithinMs = 20_000;

/**
 * Waits inside a worker, whose connection ignores abort signals: an abort ends the wait at once, and the abandoned call
 * ends at its own deadline soon after.
 */
export async function unlessAborted<T>(client: Client, signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    const askedAt = performance.now();
    try {
      return await unlessLeft(signal, client.withDeadline(Date.now() + askWithinMs, ask));
    } catch (error) {
      signal.throwIfAborted();
      const isItsDeadline = isOutOfTime(error) && performance.now() - askedAt > askWithinMs / 2;
      if (!isItsDeadline) throw error;
    }
  }
}

/**
 * Waits for the end of a run and of the runs that continue it, and retries while the server is away or busy. The
 * patience counts from the last moment at which the server was reached: the moment a long call failed, if the server
 * had answered before it. A proxy that holds each call for long before it refuses it does not count as reached.
 * `explain` makes the error to throw when the run failed.
 */
export async function awaitEnd<Result>(
  client: Client,
  run: FoundRun,
  { signal, patienceMs = defaultPatienceMs }: WaitOptions,
  explain: (error: WorkflowFailedError) => Promise<Error>,
): Promise<Result> {
  let isAwaySince: number | undefined;
  const server: Server = { isThere: true };
  const { key } = run;
  const ask = createAsker<Result>(client, run);
  const askForAWhile = () => client.withDeadline(Math.min(deadlineOf(client), Date.now() + roundMs), ask);
  const look = () => answers(client, key, signal);
  for (;;) {
    signal?.throwIfAborted();
    const askedAt = performance.now();
    try {
      return await lookingOut(server, look, () => heeding(client, signal, signal ? askForAWhile : ask));
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof WorkflowFailedError) throw await explain(error);
      if (!mayPass(error) || (isOutOfTime(error) && isCallersTimeUp(client))) throw error;
      const now = performance.now();
      const hadReached = server.isThere && now - askedAt > reachedAfterMs;
      isAwaySince = hadReached ? now : (isAwaySince ?? askedAt);
      if (now - isAwaySince > patienceMs) throw error;
      const isRoundOver = hadReached && isOutOfTime(error);
      if (!isRoundOver) await sleep(pauseWhileAwayMs, undefined, signal && { signal }).catch(() => undefined);
      signal?.throwIfAborted();
      server.isThere = await look();
    }
  }
}

/**
 * Asks for the end of a run and of the runs that continue it. If Temporal's retention has removed the run, its chain
 * may still go on: the newest run of the chain is asked from then on.
 */
function createAsker<Result>(client: Client, { key, runId, firstRunId }: FoundRun): () => Promise<Result> {
  let asked = runId;
  return async function ask(): Promise<Result> {
    try {
      return (await client.workflow.result(key, asked)) as Result;
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError) || firstRunId === undefined) throw error;
      const newest = await describeKnown(client, key);
      if (newest?.firstRunId !== firstRunId || newest.runId === asked) throw error;
      asked = newest.runId;
      return await ask();
    }
  };
}

/** What is known of the server: whether it was there when it was last looked at. */
interface Server {
  isThere: boolean;
}

/**
 * Checks now and then, while a call lasts, whether a server that was away is back: the SDK retries the call by itself,
 * so the call does not tell.
 */
async function lookingOut<T>(server: Server, look: () => Promise<boolean>, call: () => Promise<T>): Promise<T> {
  if (server.isThere) return await call();
  const timer = setInterval(() => {
    if (server.isThere) return;
    void look().then((isThere) => {
      server.isThere ||= isThere;
    });
  }, reachedAfterMs);
  try {
    return await call();
  } finally {
    clearInterval(timer);
  }
}

/**
 * Asks until the signal is aborted, without waiting for the call itself: a call that the SDK retries by itself may go
 * on after the abort, perhaps for hours.
 */
function heeding<T>(client: Client, signal: AbortSignal | undefined, ask: () => Promise<T>): Promise<T> {
  return signal ? unlessLeft(signal, withSignal(client, signal, ask)) : ask();
}

async function answers(client: Client, key: string, signal: AbortSignal | undefined): Promise<boolean> {
  const ask = () => client.withDeadline(Date.now() + answerWithinMs, () => describeRun(client, key));
  try {
    await heeding(client, signal, ask);
    return true;
  } catch (error) {
    return !mayPass(error);
  }
}

/** Whether the deadline that the caller set for all calls leaves no time for another try. */
function isCallersTimeUp(client: Client): boolean {
  return deadlineOf(client) - Date.now() < pauseWhileAwayMs;
}

/** The deadline that the caller set for all calls, in epoch milliseconds; `Infinity` if there is none. */
function deadlineOf(client: Client): number {
  const connection = client.connection as Partial<Pick<Connection, 'callContextStorage'>> | undefined;
  const { deadline = Infinity } = connection?.callContextStorage?.getStore() ?? {};
  return Number(deadline);
}
