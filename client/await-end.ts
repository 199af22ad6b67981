import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, type Connection, WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { describeKnown, describeRun, type FoundRun } from './generation/run-info.ts';
import { isOutOfTime, mayPass } from './grpc.ts';
import { unlessLeft, withSignal } from './with-signal.ts';

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
/** A call to a server that is there, and that lasted this long, had reached it. */
const reachedAfterMs = 60_000;
const answerWithinMs = 5_000;
/** The SDK keeps every long poll of a call at its signal for as long as the call lasts, so that none lasts longer than this. */
const roundMs = 5 * 60_000;

/** What is left behind holds a place among the server's long polls for so long. */
const askWithinMs = 20_000;

/**
 * Waits within a worker, whose connection heeds no signal: what is awaited is left at once where the signal is aborted,
 * and what it asks ends soon by its deadline.
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
 * Waits for the end of a run and of those that continue it; a server that is away or busy for a while is waited for. The
 * patience counts from when it was reached last: until a call failed that had lasted long, of a server that had answered.
 * A proxy that keeps each call for long before it refuses it reaches nothing. How the run failed is told by `explain`.
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
 * Asks for the end of a run and of those that continue it. Where Temporal's retention has taken the run since, its chain may
 * go on: the newest run of it is asked from then on.
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

/** What is known of the server that is asked. */
interface Server {
  isThere: boolean;
}

/** Looks for a server that was away for as long as a call lasts: the SDK repeats it by itself, and it may be back meanwhile. */
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

/** Asks until the signal is aborted: a call that the SDK has repeated by itself does not end then, for hours perhaps. */
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

/** Whether the caller gave all calls a deadline that leaves no time for another. */
function isCallersTimeUp(client: Client): boolean {
  return deadlineOf(client) - Date.now() < pauseWhileAwayMs;
}

/** The deadline that the caller gave all calls, in epoch milliseconds. */
function deadlineOf(client: Client): number {
  const connection = client.connection as Partial<Pick<Connection, 'callContextStorage'>> | undefined;
  const { deadline = Infinity } = connection?.callContextStorage?.getStore() ?? {};
  return Number(deadline);
}
