import { EventEmitter } from 'node:events';
import { expect, it } from 'vitest';
import { tellUnlessKnown } from '../../../gateway/api/tell-unless-known.ts';
import { entityTag } from '../../../gateway/http/entity-tag.ts';

interface Seen {
  at: number;
  isEnd?: true;
}

/** What a caller gets who knows the first state, or none, where others follow. */
async function tell({ knows, waitMs, now, later }: { knows: boolean; waitMs?: number; now: Seen; later: Seen[] }) {
  const reply = { status: 200, headers: {} as Record<string, unknown> };
  const toBody = ({ at }: Seen) => ({ at });
  const body = await tellUnlessKnown<Seen, { at: number }>(
    {
      request: { headers: knows ? { 'if-none-match': entityTag({ at: 1 }) } : {} },
      reply: {
        raw: new EventEmitter(),
        header: (name: string, value: unknown) => (reply.headers[name] = value),
        code: (status: number) => (reply.status = status),
      },
    } as never,
    { now, waitMs, stopping: new AbortController().signal },
    {
      toBody,
      isEnd: ({ isEnd }) => isEnd === true,
      async *follow() {
        for (const one of later) {
          await Promise.resolve();
          yield one;
        }
      },
    },
  );
  return { ...reply, body };
}

const first = { at: 1 };
const later = [{ at: 1 }, { at: 2 }, { at: 3 }];
const waitMs = 60_000;

it.each([
  ['who knows nothing', { knows: false, waitMs, now: first, later }, 200, { at: 1 }],
  ['who knows another state', { knows: true, waitMs, now: { at: 5 }, later }, 200, { at: 5 }],
  ['who waits, once it differs', { knows: true, waitMs, now: first, later }, 200, { at: 2 }],
  ['who waits in vain', { knows: true, waitMs, now: first, later: [first] }, 304, undefined],
  [
    'who waits for what has ended',
    { knows: true, waitMs, now: { at: 1, isEnd: true as const }, later },
    304,
    undefined,
  ],
  ['who does not wait', { knows: true, now: first, later }, 304, undefined],
])('tells a caller %s', async (_who, asked, status, body) => {
  const answer = await tell(asked);
  expect([answer.status, answer.body]).toEqual([status, body]);
  expect(answer.headers).toMatchObject({ etag: entityTag(body ?? first) });
  const isWaiting = asked.knows && 'waitMs' in asked;
  expect(answer.headers['preference-applied']).toBe(isWaiting ? 'wait=60' : undefined);
});
