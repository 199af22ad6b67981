import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { GatewayParts } from '../gateway-parts.ts';
import { entityTag } from '../http/entity-tag.ts';
import { dropWhenStalled, eventStream, type StreamedState } from '../http/event-stream.ts';
import { RefusalError } from '../http/refusal-error.ts';
import { goneSignal } from '../http/waiting.ts';
import type { Answer, Call } from './operation.ts';

const { exactOptional } = z;

/** What a stream of events says of itself in the document, whatever it tells of. */
export const streamFields = {
  // Not the header, too: in Go both would have one name.
  query: z.strictObject({
    lastEventId: exactOptional(z.string()).meta({
      description: 'The last event that is known already, as in the header `Last-Event-ID`, which goes before it.',
    }),
  }),
  answers: {
    200: { description: 'Events `state`, `end` and `bye`.', schema: z.unknown(), type: 'text/event-stream' },
    204: { description: 'The end is known already: nothing will come.' },
  } satisfies Record<number, Answer>,
} as const;

/** A call for a stream of events. */
export type Streaming<Params = { key: string }> = Call<Params, { lastEventId?: string | undefined }, unknown>;

/** Refuses who takes no stream of events. */
export function mustTakeEvents({ request }: Streaming<unknown>): void {
  const { accept = '*/*' } = request.headers;
  if (/text\/event-stream|text\/\*|\*\/\*/i.test(accept)) return;
  throw new RefusalError('NotAcceptable', 'this path answers text/event-stream: leave out /events for JSON');
}

/** A state as a stream tells it: by its entity tag. */
export function toStreamed(body: object): StreamedState {
  return { id: withoutQuotes(entityTag(body)), isEnd: false, body };
}

/** The end of a run as a stream tells it: by the run, however much of the end is known to whoever tells it. */
export function toStreamedEnd(runId: string, body: object): StreamedState {
  return { id: withoutQuotes(entityTag({ end: runId })), isEnd: true, body };
}

function withoutQuotes(tag: string): string {
  return tag.slice(1, -1);
}

/** Sends states as they come, the end last; nothing where the end is known already. */
export function streamStates(
  { access, metrics }: GatewayParts,
  stopping: AbortSignal,
  { query, request, reply }: Streaming<unknown>,
  now: StreamedState,
  follow: (signal: AbortSignal) => AsyncGenerator<StreamedState, void, undefined>,
): FastifyReply {
  const given = request.headers['last-event-id'] ?? query.lastEventId;
  const lastId = typeof given === 'string' ? given : undefined;
  // A caller may know it by its tag alone.
  const isKnown = lastId !== undefined && [now.id, toStreamed(now.body).id].includes(lastId);
  if (now.isEnd && isKnown) return reply.code(204).send();
  const states = async function* (signal: AbortSignal) {
    yield now;
    yield* follow(signal);
  };
  const events = eventStream(states, {
    lastId,
    stopping,
    gone: goneSignal(reply),
    mayGoOn: () => access.isStillAllowed(request),
  });
  return reply
    .type('text/event-stream')
    .header('x-accel-buffering', 'no')
    .send(Readable.from(metrics.whileListening(dropWhenStalled(events, reply.raw)), { highWaterMark: 1 }));
}
