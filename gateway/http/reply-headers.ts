import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';

const idPattern = /^[A-Za-z0-9_.-]{1,128}$/;

/** The caller's request id if it is safe to log, else a new one. */
export function requestIdOf({ headers }: IncomingMessage): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && idPattern.test(given) ? given : randomUUID();
}

/** Headers of every reply, whichever part of the server makes it. */
export function replyHeaders(publicUrl: string | undefined): Record<string, string> {
  return {
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
    'cache-control': 'no-store',
    ...(publicUrl?.startsWith('https:') && { 'strict-transport-security': 'max-age=31536000' }),
  };
}

/** A hook that sets these headers before anything else is decided. */
export function setReplyHeaders(publicUrl: string | undefined, isDraining: () => boolean) {
  const always = replyHeaders(publicUrl);
  return (request: FastifyRequest, reply: FastifyReply): void => {
    reply.headers({ ...always, 'x-request-id': request.id });
    if (isDraining()) reply.header('connection', 'close');
  };
}
