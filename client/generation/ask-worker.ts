import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, QueryNotRegisteredError } from '@temporalio/client';
import { joinSignals } from '../../abort-signals/join-signals.ts';
import { grpcCode, grpcCodeOf, isOutOfTime } from '../grpc.ts';
import { listPollers } from '../operator/workers.ts';
import { withSignal } from '../with-signal.ts';
import { describeRun } from './run-info.ts';

const quickAnswerMs = 1_000;
const queryTimeoutMs = 12_000;

/** The outcome of a call that only a worker can answer; `unattended`: no worker polls the task queue. */
export type WorkerAnswer<T> = { answer: T } | { error: unknown } | 'unattended';

/** How long to wait for a worker, and what ends the wait sooner. */
export interface AskOptions {
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/**
 * Makes a call that only a worker can answer. Such a call would wait for a worker up to its deadline; a task queue that
 * nobody polls is noticed sooner. All calls made here have ended when this returns.
 */
export async function askWorker<T>(
  client: Client,
  key: string,
  ask: () => Promise<T>,
  { timeoutMs, signal }: AskOptions,
): Promise<WorkerAnswer<T>> {
  const done = new AbortController();
  const stop = signal ? joinSignals([signal, done.signal]) : done.signal;
  const deadline = Date.now() + timeoutMs;
  const asked: Promise<WorkerAnswer<T>> = withSignal(client, stop, () => client.withDeadline(deadline, ask)).then(
    (answer) => ({ answer }),
    (error: unknown) => ({ error }),
  );
  const attendance = withSignal(client, stop, () => isUnattended(client, key, stop));
  try {
    const isKnownUnattended = await Promise.race([asked.then(() => false), attendance]);
    return isKnownUnattended ? 'unattended' : await asked;
  } finally {
    done.abort();
    await Promise.all([asked, attendance]);
  }
}

/** How long to wait for the answer to a query. */
export interface QueryOptions {
  signal?: AbortSignal | undefined;
  /** Default 12 s. */
  timeoutMs?: number | undefined;
  /** When the caller gives up, in epoch milliseconds: the wait ends by then. */
  answeredBy?: number | undefined;
}

/** A worker's answer to a query; undefined if no worker answers in time, or none polls the task queue. */
export async function queryWorker<T>(
  client: Client,
  key: string,
  query: () => Promise<T>,
  { timeoutMs = queryTimeoutMs, answeredBy = Infinity, signal }: QueryOptions = {},
): Promise<T | undefined> {
  const withinMs = Math.min(timeoutMs, answeredBy - Date.now());
  const reply = await askWorker(client, key, query, { timeoutMs: withinMs, signal });
  signal?.throwIfAborted();
  if (reply === 'unattended') return undefined;
  if ('answer' in reply) return reply.answer;
  if (!isUnanswered(reply.error)) throw reply.error;
  return undefined;
}

/** Whether a query failed because no worker could answer it: none did so in time, or the workflow's tasks fail. */
function isUnanswered(error: unknown): boolean {
  return (
    isOutOfTime(error) || error instanceof QueryNotRegisteredError || grpcCodeOf(error) === grpcCode.failedPrecondition
  );
}

async function isUnattended(client: Client, key: string, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep(quickAnswerMs, undefined, { signal });
    const { taskQueue } = await describeRun(client, key);
    return (await listPollers(client, taskQueue, 'workflow')).length === 0;
  } catch {
    return false;
  }
}
