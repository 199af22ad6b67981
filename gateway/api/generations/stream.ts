import type { FastifyReply } from 'fastify';
import type { GatewayParts } from '../../gateway-parts.ts';
import type { SeenGeneration } from '../../generations/read-generations.ts';
import type { StreamedState } from '../../http/event-stream.ts';
import { mustTakeEvents, type Streaming, streamStates, toStreamed, toStreamedEnd } from '../stream-states.ts';
import { findGeneration, workflowIdIn } from './find-generation.ts';
import { generationBody } from './generation-body.ts';

/** Streams a generation's states. */
export async function streamGeneration(
  parts: GatewayParts,
  stopping: AbortSignal,
  call: Streaming,
): Promise<FastifyReply> {
  mustTakeEvents(call);
  const { principal } = call.request;
  const workflowId = workflowIdIn(principal, call.params.key);
  const toState = (one: SeenGeneration): StreamedState => {
    const body = generationBody(principal, one);
    return one.ending === undefined ? toStreamed(body) : toStreamedEnd(one.runId, body);
  };
  const now = toState(await findGeneration(parts, workflowId));
  return streamStates(parts, stopping, call, now, async function* (signal) {
    for await (const one of parts.watchers.generations.follow(workflowId, signal)) yield toState(one);
  });
}
