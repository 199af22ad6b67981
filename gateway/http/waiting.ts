import { setMaxListeners } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { joinSignals } from '../../abort-signals/join-signals.ts';
import { parseDuration } from '../../domain/duration.ts';
import { RefusalError } from './refusal-error.ts';

const maxWaitMs = 60_000;
/** From when a call came: clients end their job where they hear nothing for 20 s. */
const listenedUntilMs = 19_000;
const leastMs = 1_000;

/** How long a caller wants an answer to wait, in milliseconds; `Prefer: wait=N` in seconds, else `?wait=30s`. */
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

/** Says that an answer was waited for. */
export function sayWaited(reply: FastifyReply, waitMs: number | undefined): void {
  if (waitMs !== undefined) reply.header('preference-applied', `wait=${String(Math.floor(waitMs / 1_000))}`);
}

/** When a call came, by `performance.now()`: it may have been held before, or its caller was not known at once. */
export function cameAt({ elapsedTime }: FastifyReply): number {
  return performance.now() - elapsedTime;
}

/** How long the client of a short call still listens, in milliseconds. */
export function listensMs({ elapsedTime }: FastifyReply): number {
  return Math.max(listenedUntilMs - elapsedTime, leastMs);
}

/** What is answered within so many milliseconds, else what there is instead. */
export async function inTime<T>(answer: Promise<T>, withinMs: number, instead: () => T | Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, Math.max(withinMs, 0));
  }).then(instead);
  // Nobody asks for it any more once there is an answer.
  late.catch(() => undefined);
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Aborted when the time is up, the client has left, or the gateway stops. */
export function waitSignal(reply: FastifyReply, waitMs: number, stopping: AbortSignal): AbortSignal {
  return joinSignals([goneSignal(reply), stopping], waitMs);
}

/** Aborted when the client has left, or has its answer. */
export function goneSignal({ raw }: FastifyReply): AbortSignal {
  // A call may have been held before, and its client may have left meanwhile.
  if (raw.destroyed || raw.closed) return AbortSignal.abort();
  const gone = new AbortController();
  raw.once('close', () => {
    gone.abort();
  });
  return gone.signal;
}

/**
 * Emits `close` on a pipelined response when its connection closes. Such a response has no socket before its turn, so Node
 * itself tells it nothing, and its handler would go on for a client that has left.
 */
export function closeWithConnection({ socket }: IncomingMessage, response: ServerResponse): void {
  if (response.socket !== null) return;
  const close = () => {
    if (response.socket !== null || response.closed) return;
    response.destroy();
    response.emit('close');
  };
  // One listener for each pipelined request, of which a client may send any number.
  setMaxListeners(0, socket);
  socket.once('close', close);
  response.once('close', () => {
    socket.off('close', close);
  });
}
