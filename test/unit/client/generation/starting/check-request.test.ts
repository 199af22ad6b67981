import { describe, expect, it } from 'vitest';
import { checkRequest } from '../../../../../client/generation/starting/check-request.ts';
import { jsonBytes } from '../../../../../domain/json.ts';
import { maxRequestBytes } from '../../../../../domain/request.ts';

const kling = 'kling/kling-3.0/standard/image-to-video';

describe('checkRequest', () => {
  it('lists every problem of a bundled model by its place', () => {
    expect(() => checkRequest({ model: kling, input: { prompt: '', duration: 2 } }, 'k')).toThrow(
      expect.objectContaining({
        type: 'InvalidInput',
        submission: 'not_sent',
        key: 'k',
        issues: expect.arrayContaining([
          expect.objectContaining({ path: '$.start_image_url' }),
          expect.objectContaining({ path: '$.duration' }),
          expect.objectContaining({ path: '$.prompt' }),
        ]) as unknown,
      }),
    );
  });

  it('drops what JSON drops and keeps everything else as it is', () => {
    const input = { prompt: 'a cat', seed: undefined, nested: { list: [1, null, 'x'] } };
    expect(checkRequest({ model: 'a/b', input }, 'k').order).toEqual({
      model: 'a/b',
      input: { prompt: 'a cat', nested: { list: [1, null, 'x'] } },
    });
  });

  it.each([
    ['a number that JSON would turn into null', { seed: Number.NaN }, '$.seed'],
    ['a BigInt', { seed: 1n }, '$.seed'],
    ['a function', { nested: [() => 1] }, '$.nested[0]'],
    ['an integer that would be rounded', { seed: 2 ** 53 }, '$.seed'],
  ])('refuses %s', (_what, input, path) => {
    expect(() => checkRequest({ model: 'a/b', input }, 'k')).toThrow(
      expect.objectContaining({ type: 'InvalidInput', issues: [expect.objectContaining({ path })] }),
    );
  });

  it('refuses an order that Temporal would not take', () => {
    expect(() => checkRequest({ model: 'a/b', input: { image: 'x'.repeat(2 ** 21) } }, 'k')).toThrow(
      'pass media by URL',
    );
  });

  it('refuses an order that would leave no room for what is said with it, unless it is looked for', () => {
    const order = { model: 'a/b', input: { prompt: 'x'.repeat(maxRequestBytes - 37) } };
    expect(jsonBytes(order)).toBe(maxRequestBytes);
    expect(checkRequest(order, 'k').order).toEqual(order);
    const larger = { ...order, input: { prompt: `${order.input.prompt}x` } };
    expect(() => checkRequest(larger, 'k')).toThrow(`may have ${String(maxRequestBytes)}: pass media by URL`);
    expect(checkRequest(larger, 'k', { isLookedFor: true }).order).toEqual(larger);
  });

  it('lets a request be taken over without its input', () => {
    expect(checkRequest({ model: kling, requestId: 'r-1' }, 'k').order).toEqual({
      model: kling,
      input: {},
      requestId: 'r-1',
    });
  });
});
