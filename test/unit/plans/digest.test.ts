import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, orderDigest } from '../../../plans/digest.ts';

const order = { model: 'a/b', input: { prompt: 'x', seed: 1, nested: { b: [1, { d: 1, c: 2 }], a: null } } };

describe('the digest of an order', () => {
  it('is 12 hexadecimal digits that do not change with the order of keys', () => {
    expect(orderDigest(order)).toMatch(/^[0-9a-f]{12}$/);
    const turned = {
      input: { nested: { a: null, b: [1, { c: 2, d: 1 }] }, seed: 1, prompt: 'x' },
      model: 'a/b',
      take: 1,
    };
    expect(orderDigest(turned)).toBe(orderDigest(order));
  });

  it.each([
    ['the model', { ...order, model: 'a/c' }],
    ['an input', { ...order, input: { ...order.input, seed: 2 } }],
    ['the take', { ...order, take: 2 }],
    ['the order of a list', { ...order, input: { ...order.input, nested: { b: [{ d: 1, c: 2 }, 1], a: null } } }],
  ])('changes with %s', (_what, other) => {
    expect(orderDigest(other)).not.toBe(orderDigest(order));
  });

  it('tells any two JSON documents apart, and the same one never from itself', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        const same = canonicalJson(a) === canonicalJson(b);
        expect(same).toBe(
          canonicalJson(JSON.parse(JSON.stringify(a))) === canonicalJson(JSON.parse(JSON.stringify(b))),
        );
        expect(JSON.parse(canonicalJson(a))).toEqual(JSON.parse(JSON.stringify(a)));
      }),
    );
  });
});
