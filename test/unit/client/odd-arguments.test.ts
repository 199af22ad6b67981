import { Client, Connection } from '@temporalio/client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createHandle } from '../../../client/generation/generation-handle.ts';
import { createGenerationClient } from '../../../client/index.ts';

const model = 'a/b';
const invalid = expect.objectContaining({
  name: 'GenerationError',
  type: 'InvalidInput',
  submission: 'not_sent',
}) as Error;

/** Nothing listens there: what is refused is refused before anything is sent. */
function clientOfNobody(): Client {
  const connection = Connection.lazy({ address: '127.0.0.1:1', interceptors: [] });
  onTestFinished(() => connection.close());
  return new Client({ connection });
}

const circle: Record<string, unknown> = { prompt: 'a cat' };
circle['self'] = circle;
const list: unknown[] = [];
list.push({ list });
const deep = JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`) as unknown;
const throwing = {
  get prompt(): string {
    throw new Error('no prompt today');
  },
};
describe('values that JSON would change or cannot hold', () => {
  it.each<[what: string, input: unknown, path: string]>([
    ['a circle', circle, '$'],
    ['a circle through a list', { list }, '$'],
    ['50,000 levels', { deep }, '$'],
    ['a getter that throws', throwing, '$'],
    ['a toJSON that throws', { toJSON: () => JSON.parse('{') as unknown }, '$'],
    ['a proxy that was revoked', { made: revoked() }, '$'],
    ['a BigInt', { seed: 1n }, '$.seed'],
    ['infinity', { nested: { scale: Number.POSITIVE_INFINITY } }, '$.nested.scale'],
    ['a date that is none', { at: new Date(Number.NaN) }, '$.at'],
    ['a Map', { sizes: new Map([['a', 1]]) }, '$.sizes'],
    ['a Set', { sizes: new Set([1]) }, '$.sizes'],
    ['an Error', { why: new Error('x') }, '$.why'],
    ['a regular expression', { match: /x/ }, '$.match'],
    ['a promise', { later: Promise.resolve(1) }, '$.later'],
    ['bytes', { image: Buffer.from('x') }, '$.image'],
    ['a symbol', { kind: Symbol('x') }, '$.kind'],
    ['a hole in a list', { list: [1, undefined, 3] }, '$.list[1]'],
    ['half an emoji', { prompt: 'scene \ud83d' }, '$.prompt'],
    ['half an emoji in a name', { 'scene \ud83d': 1 }, '$["scene \\ud83d"]'],
  ])('are refused by their place: %s', async (_what, input, path) => {
    const generations = createGenerationClient({ client: clientOfNobody() });
    const started = generations.start({ model, input: input as Record<string, unknown> }, { key: 'k' });
    await expect(started).rejects.toEqual(invalid);
    await expect(started).rejects.toMatchObject({ key: 'k', issues: [{ path }] });
  });

  it('are refused as the whole request too', async () => {
    const generations = createGenerationClient({ client: clientOfNobody() });
    const requests: unknown[] = [undefined, null, 4711, 'a/b', [], () => 1, Symbol('x'), 1n, new Map(), revoked()];
    for (const request of requests) {
      await expect(generations.start(request as never, { key: 'k' }), typeof request).rejects.toEqual(invalid);
    }
    await expect(generations.start({ model, input: {}, deadlineMs: Number.NaN }, { key: 'k' })).rejects.toMatchObject({
      issues: [{ path: 'request.deadlineMs' }],
    });
  });

  it('are few and short, however many there are', async () => {
    const generations = createGenerationClient({ client: clientOfNobody() });
    const input = { list: Array.from({ length: 5_000 }, () => Number.NaN) };
    const error: unknown = await generations.start({ model, input }, { key: 'k' }).catch((thrown: unknown) => thrown);
    expect((error as { issues: unknown[] }).issues.length).toBeLessThanOrEqual(51);
    expect((error as Error).message.length).toBeLessThan(3_000);
  });
});

describe('keys and other arguments that the compiler would have refused', () => {
  it.each<[unknown]>([
    [null],
    [4711],
    [true],
    [{}],
    [Symbol('k')],
    [''],
    ['scene \ud83d'],
    ['\udc00 scene'],
    ['nul \0'],
    ['k'.repeat(1_001)],
    ['注'.repeat(334)],
  ])('key %j', async (given) => {
    const generations = createGenerationClient({ client: clientOfNobody() });
    const key = given as string;
    const calls = [
      generations.start({ model, input: {} }, { key }),
      generations.get(key),
      generations.result(key),
      generations.collectLate(key),
    ];
    for (const call of await Promise.allSettled(calls))
      expect(call).toMatchObject({ status: 'rejected', reason: invalid });
  });

  it('retry, reason, resolution and filter', async () => {
    const client = clientOfNobody();
    const generations = createGenerationClient({ client });
    const handle = createHandle(client, { key: 'k', runId: 'run', attached: true, notices: [] });
    const calls: Promise<unknown>[] = [
      generations.start({ model, input: {} }, { key: 'k', retry: true as never }),
      handle.cancel({ reason: circle } as never),
      handle.cancel(4711 as never),
      ...[undefined, 'abandon', circle, { action: 'adopt' }, { action: 'adopt', requestId: 'no such id' }].map(
        (resolution) => handle.resolveSubmission(resolution as never),
      ),
      ...[{ model: 4711 }, { phase: 'done' }, { limit: -1 }, { limit: Number.NaN }].map((filter) =>
        generations
          .list(filter as never)
          [Symbol.asyncIterator]()
          .next(),
      ),
    ];
    for (const call of await Promise.allSettled(calls))
      expect(call).toMatchObject({ status: 'rejected', reason: invalid });
  });
});

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}
