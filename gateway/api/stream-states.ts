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

/** The parts that every stream of events has in the document. */
export const streamFields = {
  // The header is not listed as well: in Go, both would get the same name.
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

/** Refuses a caller that does not accept a stream of events. */
export function mustTakeEvents({ request }: Streaming<unknown>): void {
  const { accept = '*/*' } = request.headers;
  if (/text\/event-stream|text\/\*|\*\/\*/i.test(accept)) return;
  throw new RefusalError('NotAcceptable', 'this path answers text/event-stream: leave out /events for JSON');
}

/** A state as an event, identified by its entity tag. */
export function toStreamed(body: object): StreamedState {
  return { id: withoutQuotes(entityTag(body)), isEnd: false, body };
}

/** The end of a run as an event. It is identified by the run, since replicas may know different details of the end. */
export function toStreamedEnd(runId: string, body: object): StreamedState {
  return { id: withoutQuotes(entityTag({ end: runId })), isEnd: true, body };
}

function withoutQuotes(tag: string): string {
  return tag.slice(1, -1);
}

/** Streams states as they come, the end last; 204 if the caller has the end already. */
export function streamStates(
  { access, metrics }: GatewayParts,
  stopping: AbortSignal,
  { query, request, reply }: Streaming<unknown>,
  now: StreamedState,
  follow: (signal: AbortSignal) => AsyncGenerator<StreamedState, void, undefined>,
): FastifyReply {
  const given = request.headers['last-event-id'] ?? query.lastEventId;
  const lastId = typeof given === 'string' ? given : undefined;
  // A caller may know the end only by the entity tag of its body.
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
