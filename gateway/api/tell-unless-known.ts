import { entityTag, matchesTag } from '../http/entity-tag.ts';
import { sayWaited, waitSignal } from '../http/waiting.ts';
import type { Call } from './operation.ts';

/** What is told, and how more of it comes. */
interface Following<Seen, Body> {
  isEnd: (seen: Seen) => boolean;
  toBody: (seen: Seen) => Body;
  follow: (signal: AbortSignal) => AsyncIterable<Seen>;
}

/** Tells where something stands; waits for a change where the caller knows that already, and says so where none comes. */
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
