import { entityTag, matchesTag } from '../http/entity-tag.ts';
import { sayWaited, waitSignal } from '../http/waiting.ts';
import type { Call } from './operation.ts';

/** How a state becomes a body, and how further states are followed. */
interface Following<Seen, Body> {
  isEnd: (seen: Seen) => boolean;
  toBody: (seen: Seen) => Body;
  follow: (signal: AbortSignal) => AsyncIterable<Seen>;
}

/** Answers with the current state. If the caller has it already, waits for a change, and answers 304 if none comes. */
export async function tellUnlessKnown<Seen, Body extends object>(
  { request, reply }: Pick<Call<unknown, unknown, unknown>, 'request' | 'reply'>,
  { now, waitMs, stopping }: { now: Seen; waitMs: number | undefined; stopping: AbortSignal },
  { isEnd, toBody, follow }: Following<Seen, Body>,
): Promise<Body | undefined> {
  const known = request.headers['if-none-match'];
  const isKnown = (body: Body) => matchesTag(known, entityTag(body));
  let body = toBody(now);
  if (waitMs !== undefined && !isEnd(now) && isKnown(body)) {
    for await (const seen of follow(waitSignal(reply, waitMs, stopping))) {
      body = toBody(seen);
      if (!isKnown(body)) break;
    }
  }
  if (known !== undefined) sayWaited(reply, waitMs);
  reply.header('etag', entityTag(body));
  if (!isKnown(body)) return body;
  reply.code(304);
  return undefined;
}
