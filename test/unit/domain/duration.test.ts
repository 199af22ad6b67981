import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDuration } from '../../../domain/duration.ts';

describe('parseDuration', () => {
  it.each([
    ['90s', 90_000],
    ['30m', 1_800_000],
    ['1.5h', 5_400_000],
    ['1h30m', 5_400_000],
    ['2d', 172_800_000],
    ['250ms', 250],
    ['1H 30M', 5_400_000],
  ])('takes %s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', '30', 'm', 'banana', '-5m', '5 minutes', '1e3s', '5m!', '99999999999999999999d'])(
    'refuses %j',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );

  it('adds up what is written with several units', () => {
    fc.assert(
      fc.property(fc.nat(99), fc.nat(99), fc.nat(99), (h, m, s) => {
        expect(parseDuration(`${String(h)}h${String(m)}m${String(s)}s`)).toBe(((h * 60 + m) * 60 + s) * 1_000);
      }),
    );
  });
});
