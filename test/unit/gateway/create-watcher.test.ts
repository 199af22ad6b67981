import { once } from 'node:events';
import { expect, it } from 'vitest';
import { createWatcher } from '../../../gateway/following/create-watcher.ts';
import { eventually } from '../../support/eventually.ts';

interface Seen {
  at: string;
  isEnd?: true;
}

const { signal } = new AbortController();
const end = { at: 'b', isEnd: true } as const;

/** A watcher of what stands as `now` says, with a listener that was told of `a`. */
async function watched() {
  const now: { state: Seen; reads: number; held?: Promise<unknown> } = { state: { at: 'a' }, reads: 0 };
  const over = new AbortController();
  const watcher = createWatcher<Seen>(() => ({
    async readState() {
      now.reads += 1;
      const { state, held } = now;
      await held;
      return state;
    },
    isEnd: ({ isEnd }) => isEnd === true,
    awaitEnd: async (stop) => {
      const either = AbortSignal.any([stop, over.signal]);
      if (!either.aborted) await once(either, 'abort');
    },
  }));
  const listen = () => {
    const states = watcher.follow('w', signal);
    return async () => (await states.next()).value;
  };
  const first = listen();
  expect(await first()).toEqual({ at: 'a' });
  return { now, listen, first, over, watcher };
}

it('tells who joins nothing that was asked for before', async () => {
  const { now, listen, first, over, watcher } = await watched();
  now.state = end;
  const second = listen();
  const told = second();
  over.abort();
  expect([await told, await first()]).toEqual([end, end]);
  expect([await second(), await first(), now.reads, watcher.watched()]).toEqual([undefined, undefined, 2, 0]);
});

it('tells who joins also what has not changed, once it is asked for anew', async () => {
  const { now, listen, first, over } = await watched();
  const second = listen();
  expect([await second(), now.reads]).toEqual([{ at: 'a' }, 2]);
  now.state = end;
  over.abort();
  expect([await second(), await first()]).toEqual([end, end]);
});

it('tells who joins as the last question is under way of the end by another', async () => {
  const { now, listen, first, over, watcher } = await watched();
  const answer = new AbortController();
  now.held = once(answer.signal, 'abort');
  now.state = end;
  over.abort();
  await eventually(() => {
    expect(now.reads).toBe(2);
  });
  const second = listen();
  const told = second();
  answer.abort();
  expect([await first(), await told, now.reads]).toEqual([end, end, 3]);
  expect([await first(), await second(), watcher.watched()]).toEqual([undefined, undefined, 0]);
});
