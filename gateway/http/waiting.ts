import { setMaxListeners } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { joinSignals } from '../../abort-signals/join-signals.ts';
import { parseDuration } from '../../domain/duration.ts';
import { RefusalError } from './refusal-error.ts';

const maxWaitMs = 60_000;
/** Counted from when a call came: clients end their job after 20 s without an answer. */
const listenedUntilMs = 19_000;
const leastMs = 1_000;

/** How long the caller wants the answer to wait, in milliseconds: `Prefer: wait=N` in seconds, else `?wait=30s`. */
export function waitMsOf({ headers }: FastifyRequest, query: { wait?: string | undefined }): number | undefined {
  const { prefer } = headers;
  // RFC 7240: a preference that is not understood is ignored.
  const [, seconds] = /(?:^|,)\s*wait\s*=\s*"?(\d+)"?\s*(?:[;,]|$)/i.exec(String(prefer ?? '')) ?? [];
  if (seconds !== undefined) return Math.min(Number(seconds) * 1_000, maxWaitMs);
  const { wait } = query;
  if (wait === undefined) return undefined;
  const ms = /^\d+$/.test(wait) ? Number(wait) * 1_000 : parseDuration(wait);
  if (ms !== undefined) return Math.min(ms, maxWaitMs);
  const message = 'expected seconds, such as 30 or 30s';
  throw new RefusalError('InvalidInput', `wait: ${message}`, { issues: [{ path: 'query.wait', message }] });
}

/** Sets the header that confirms a wait. */
export function sayWaited(reply: FastifyReply, waitMs: number | undefined): void {
  if (waitMs !== undefined) reply.header('preference-applied', `wait=${String(Math.floor(waitMs / 1_000))}`);
}

/**
 * When a call came, by `performance.now()`; it may have been held by a limit or waited for its authentication since.
 */
export function cameAt({ elapsedTime }: FastifyReply): number {
  return performance.now() - elapsedTime;
}

/** How long the client of a short call still waits, in milliseconds. */
export function listensMs({ elapsedTime }: FastifyReply): number {
  return Math.max(listenedUntilMs - elapsedTime, leastMs);
}

/** Awaits an answer for `withinMs`, else uses the alternative. */
export async function inTime<T>(answer: Promise<T>, withinMs: number, instead: () => T | Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, Math.max(withinMs, 0));
  }).then(instead);
  // Its failure does not matter once there is an answer.
  late.catch(() => undefined);
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Aborted when the time is up, the client leaves, or the gateway stops. */
export function waitSignal(reply: FastifyReply, waitMs: number, stopping: AbortSignal): AbortSignal {
  return joinSignals([goneSignal(reply), stopping], waitMs);
}

/** Aborted when the client leaves or has its answer. */
export function goneSignal({ raw }: FastifyReply): AbortSignal {
  // The call may have been held, and its client may have left meanwhile.
  if (raw.destroyed || raw.closed) return AbortSignal.abort();
  const gone = new AbortController();
  raw.once('close', () => {
    gone.abort();
  });
  return gone.signal;
}

/**
 * Emits `close` on a pipelined response when its connection closes. Such a response has no socket until its turn, so
 * Node does not notify it and its handler would go on for a client that has left.
 */
export function closeWithConnection({ socket }: IncomingMessage, response: ServerResponse): void {
  if (response.socket !== null) return;
  const close = () => {
    if (response.socket !== null || response.closed) return;
    response.destroy();
    response.emit('close');
  };
  // A client may pipeline any number of requests, each with a listener.
  setMaxListeners(0, socket);
  socket.once('close', close);
  response.once('close', () => {
    socket.off('close', close);
  });
}
