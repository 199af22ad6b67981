import type { FastifyReply } from 'fastify';
import type { GatewayParts } from '../../gateway-parts.ts';
import { patiently, readPatienceMs } from '../../generations/patiently.ts';
import type { StreamedState } from '../../http/event-stream.ts';
import { sayWaited, waitMsOf, waitSignal } from '../../http/waiting.ts';
import type { Call } from '../operation.ts';
import { inOwnWords } from '../own-words.ts';
import { mustTakeEvents, type Streaming, streamStates, toStreamed, toStreamedEnd } from '../stream-states.ts';
import { tellUnlessKnown } from '../tell-unless-known.ts';
import { bodyOf, endOfMany, type Many, type ManyHandle, seenNow, untilItEnds, withMany } from './many.ts';

type About = Call<{ key: string }, { wait?: string | undefined }, unknown>;

const retryAfterS = 2;

/** The state of a workflow; waits for a change if the caller has the current state. */
export async function getMany<Handle extends ManyHandle<State, Result>, State, Result, Body extends object>(
  many: Many<Handle, State, Result, Body>,
  parts: GatewayParts,
  stopping: AbortSignal,
  call: About,
): Promise<Body | undefined> {
  const { params, query, request } = call;
  const waitMs = waitMsOf(request, query);
  return await withMany(many, parts, request, params.key, async (handle) =>
    tellUnlessKnown(
      call,
      { now: await seenNow(parts, handle), waitMs, stopping },
      {
        isEnd: ({ state }) => many.isEnd(state),
        toBody: (seen) => bodyOf(many, request.principal, seen),
        follow: (signal) => many.watcher(parts.watchers).follow(handle.key, signal),
      },
    ),
  );
}

/** The result, or the state while there is none; throws a problem named after the failure if there will be none. */
export async function getResultOfMany<Handle extends ManyHandle<State, Result>, State, Result, Body extends object>(
  many: Many<Handle, State, Result, Body>,
  parts: GatewayParts,
  stopping: AbortSignal,
  { params, query, request, reply }: About,
): Promise<Result | Body> {
  const { principal } = request;
  const waitMs = waitMsOf(request, query);
  return await withMany(many, parts, request, params.key, async (handle) => {
    if (waitMs !== undefined) await untilItEnds(handle, waitSignal(reply, waitMs, stopping));
    sayWaited(reply, waitMs);
    if (!(await patiently(parts.client, readPatienceMs, handle.isEnded))) {
      reply.code(202).header('retry-after', retryAfterS);
      return bodyOf(many, principal, await seenNow(parts, handle));
    }
    try {
      return inOwnWords(principal, await handle.result(), handle.key);
    } catch (error) {
      throw endOfMany(principal, error, handle.key) ?? error;
    }
  });
}

/** Streams a workflow's states. */
export async function streamMany<
  Handle extends ManyHandle<State, Result>,
  State extends { runId: string },
  Result,
  Body extends object,
>(
  many: Many<Handle, State, Result, Body>,
  parts: GatewayParts,
  stopping: AbortSignal,
  call: Streaming,
): Promise<FastifyReply> {
  mustTakeEvents(call);
  const { request, params } = call;
  const seen = await withMany(many, parts, request, params.key, (handle) => seenNow(parts, handle));
  const toState = (one: typeof seen): StreamedState => {
    const body = bodyOf(many, request.principal, one);
    return many.isEnd(one.state) ? toStreamedEnd(one.state.runId, body) : toStreamed(body);
  };
  return streamStates(parts, stopping, call, toState(seen), async function* (signal) {
    for await (const one of many.watcher(parts.watchers).follow(seen.key, signal)) yield toState(one);
  });
}
