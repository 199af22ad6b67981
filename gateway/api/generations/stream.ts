import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { GatewayParts } from '../../gateway-parts.ts';
import { entityTag } from '../../http/entity-tag.ts';
import { dropWhenStalled, eventStream, type StreamedState } from '../../http/event-stream.ts';
import { RefusalError } from '../../http/refusal-error.ts';
import { goneSignal } from '../../http/waiting.ts';
import type { Call } from '../operation.ts';
import { findGeneration, workflowIdIn } from './find-generation.ts';
import { generationBody } from './generation-body.ts';

type Streaming = Call<{ key: string }, { lastEventId?: string | undefined }, unknown>;

/** Sends a generation's states as they come, the end last; nothing where the end is known already. */
export async function streamGeneration(
  parts: GatewayParts,
  stopping: AbortSignal,
  { params, query, request, reply }: Streaming,
): Promise<FastifyReply> {
  const { principal, headers } = request;
  const { accept = '*/*' } = headers;
  if (!/text\/event-stream|text\/\*|\*\/\*/i.test(accept)) {
    throw new RefusalError('NotAcceptable', 'this path answers text/event-stream: GET the generation itself for JSON');
  }
  const workflowId = workflowIdIn(principal, params.key);
  const seen = await findGeneration(parts, workflowId);
  const toState = (one: typeof seen): StreamedState => {
    const body = generationBody(principal, one);
    return { id: entityTag(body).slice(1, -1), isEnd: one.ending !== undefined, body };
  };
  const given = headers['last-event-id'] ?? query.lastEventId;
  const lastId = typeof given === 'string' ? given : undefined;
  const now = toState(seen);
  if (now.isEnd && now.id === lastId) return reply.code(204).send();
  const gone = goneSignal(reply);
  const states = async function* (signal: AbortSignal) {
    for await (const one of parts.watcher.follow(workflowId, signal)) yield toState(one);
  };
  const events = eventStream(states, {
    lastId,
    ...{ gone, stopping },
    mayGoOn: () =>
      parts.access.authenticate(request).then(
        () => true,
        () => false,
      ),
  });
  return reply
    .type('text/event-stream')
    .header('x-accel-buffering', 'no')
    .send(Readable.from(dropWhenStalled(events, reply.raw), { highWaterMark: 1 }));
}
