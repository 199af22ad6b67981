import { expect, it } from 'vitest';
import { keyOf } from '../../../gateway/generations/key-of.ts';

it('is the Idempotency-Key itself where clients can read it as an id, else a UUID made of it', () => {
  expect(keyOf('order-4711')).toBe('order-4711');
  expect(keyOf('"order-4711"')).toBe('order-4711');
  const made = keyOf('https://orders.example/4711');
  expect(made).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(keyOf('"https://orders.example/4711"')).toBe(made);
  expect(keyOf('https://orders.example/4712')).not.toBe(made);
  expect(keyOf(String.raw`"a\"b"`)).toBe(keyOf(String.raw`"a\"b"`));
  expect(keyOf('x'.repeat(128))).toBe('x'.repeat(128));
  expect(keyOf('x'.repeat(129))).toMatch(/^[0-9a-f-]{36}$/);
});

it.each(['', '""', '"a', 'a"', 'a b', 'ä', 'a\u0007', 'x'.repeat(256), String.raw`"a\b"`])('refuses %j', (header) => {
  expect(() => keyOf(header)).toThrow(expect.objectContaining({ refusal: 'MalformedRequest' }) as Error);
});
