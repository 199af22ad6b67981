import { once } from 'node:events';
import { PassThrough, Writable } from 'node:stream';
import { expect, it } from 'vitest';
import {
  dropWhenStalled,
  eventStream,
  type StreamedState,
  type StreamOptions,
} from '../../../gateway/http/event-stream.ts';
import { countReactions } from '../../support/count-reactions.ts';

const state = (id: string, isEnd = false): StreamedState => ({ id, isEnd, body: { id } });

/** Gives these states, and then nothing until it is told to stop. */
function source(...states: StreamedState[]) {
  const left = { hasEnded: false };
  async function* open(signal: AbortSignal) {
    try {
      yield* states;
      if (!signal.aborted) await once(signal, 'abort');
    } finally {
      left.hasEnded = true;
    }
  }
  return { open, left };
}

async function allOf(texts: AsyncIterable<string>): Promise<string[]> {
  const told: string[] = [];
  for await (const text of texts) told.push(text);
  return told;
}

const options = (more: Partial<StreamOptions> = {}): StreamOptions => ({
  lastId: undefined,
  gone: new AbortController().signal,
  stopping: new AbortController().signal,
  gapMs: 0,
  mayGoOn: () => Promise.resolve(true),
  ...more,
});

it('tells what is not known yet, the end, and nothing after it', async () => {
  const { open, left } = source(state('a'), state('b'), state('c', true));
  const told = await allOf(eventStream(open, options({ lastId: 'a' })));
  expect(told).toEqual([
    'retry: 2000\n\n',
    'id: b\nevent: state\ndata: {"id":"b"}\n\n',
    'id: c\nevent: end\ndata: {"id":"c"}\n\n',
  ]);
  expect(left.hasEnded).toBe(true);
});

it('says bye where the gateway stops, and ends where the caller may listen no more', async () => {
  const stopping = new AbortController();
  const stopped = source(state('a'));
  const told: string[] = [];
  for await (const text of eventStream(stopped.open, options({ stopping: stopping.signal }))) {
    told.push(text);
    if (text.includes('event: state')) stopping.abort();
  }
  expect(told.at(-1)).toBe('event: bye\ndata: {}\n\n');
  expect(stopped.left.hasEnded).toBe(true);

  const silent = source();
  let asked = 0;
  const mayGoOn = () => Promise.resolve((asked += 1) < 2);
  const signs = await allOf(eventStream(silent.open, options({ mayGoOn, keepAliveMs: 1 })));
  expect(signs).toEqual(['retry: 2000\n\n', ': keep-alive\n\n']);
  expect(silent.left.hasEnded).toBe(true);
});

it('says bye where what it tells of ends by itself before its end is known', async () => {
  async function* open() {
    yield await Promise.resolve(state('a'));
  }
  expect((await allOf(eventStream(open, options()))).at(-1)).toBe('event: bye\ndata: {}\n\n');
  const gone = AbortSignal.abort();
  expect((await allOf(eventStream(open, options({ gone })))).join('')).not.toContain('bye');
});

it('asks whether the caller may listen also while states come', async () => {
  const states = Array.from({ length: 200 }, (_, at) => state(String(at)));
  const many = source(...states, state('last', true));
  const mayGoOn = () => Promise.resolve(false);
  const told = await allOf(eventStream(many.open, options({ mayGoOn, keepAliveMs: 1 })));
  expect(told.join('')).not.toContain('event: end');
  expect(many.left.hasEnded).toBe(true);
});

it('waits once for what comes next, however many signs of life there are before it', async () => {
  const { promise, reactions } = countReactions(new Promise<IteratorResult<StreamedState, void>>(() => undefined));
  const states = { next: () => promise, return: () => Promise.resolve({ done: true }) };
  const stream = eventStream(
    () => states as unknown as AsyncGenerator<StreamedState, void, undefined>,
    options({ keepAliveMs: 1 }),
  );
  const told = new Map<string, number>();
  for await (const text of stream) {
    const count = (told.get(text) ?? 0) + 1;
    told.set(text, count);
    if (count === 200) break;
  }
  expect([told.get(': keep-alive\n\n'), reactions()]).toEqual([200, 1]);
});

it('hangs up on a listener that takes nothing', async () => {
  const socket = new PassThrough();
  const closed = once(socket, 'close');
  const stream = dropWhenStalled(eventStream(source().open, options()), socket, 1);
  await stream.next();
  await closed;
  expect(socket.destroyed).toBe(true);
  await stream.return();
});

it('hangs up on a listener with more than 256 KiB unsent, and on none with less', async () => {
  const [full, over] = [0, 1].map((more) => {
    // Nothing that is written to it is ever taken.
    const socket = new Writable({ write: () => undefined });
    socket.write(Buffer.alloc(256 * 1024 + more));
    return socket;
  });
  if (!full || !over) throw new Error('There are two listeners.');
  const closed = once(over, 'close');
  const left = new AbortController();
  const streams = [full, over].map((socket) =>
    dropWhenStalled(eventStream(source().open, options({ gone: left.signal })), socket, 1),
  );
  await Promise.all(streams.map((stream) => stream.next()));
  // Both take what comes, which is nothing.
  const taking = streams.map((stream) => stream.next());
  await closed;
  expect(full.destroyed).toBe(false);
  left.abort();
  await Promise.all(taking);
});

it('leaves a second between two states', async () => {
  const { gapMs: _, ...asServed } = options();
  const told: number[] = [];
  for await (const text of eventStream(source(state('a'), state('b'), state('c', true)).open, asServed)) {
    if (text.includes('event: state')) told.push(performance.now());
  }
  const [first = 0, second = 0] = told;
  expect(told).toHaveLength(2);
  expect(second - first).toBeGreaterThan(990);
});
