import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, QueryNotRegisteredError } from '@temporalio/client';
import { joinSignals } from '../../abort-signals/join-signals.ts';
import { grpcCode, grpcCodeOf, isOutOfTime } from '../grpc.ts';
import { listPollers } from '../operator/workers.ts';
import { withSignal } from '../with-signal.ts';
import { describeRun } from './run-info.ts';

const quickAnswerMs = 1_000;
const queryTimeoutMs = 12_000;

/** What came of a call that only a worker can answer. */
export type WorkerAnswer<T> = { answer: T } | { error: unknown } | 'unattended';

/** How long a worker is waited for, and what ends that sooner. */
export interface AskOptions {
  timeoutMs: number;
  signal?: AbortSignal | undefined;
}

/**
 * Makes a call that only a worker can answer. Such a call waits for a worker up to its deadline; that nobody polls at all
 * is found out sooner. Nothing is under way any more when this returns.
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

/** How long an answer to a query is awaited. */
export interface QueryOptions {
  signal?: AbortSignal | undefined;
  /** Default 12 s. */
  timeoutMs?: number | undefined;
  /** When whoever asks gives up, in epoch milliseconds: no answer is awaited beyond it. */
  answeredBy?: number | undefined;
}

/** What a worker answers to a query; undefined where none does, or none polls at all. */
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

/** Whether a query failed because no worker could answer it: none was in time, or the one that had the run fails at its tasks. */
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
