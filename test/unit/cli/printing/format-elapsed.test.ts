import { describe, expect, it } from 'vitest';
import { formatElapsed } from '../../../../cli/printing/format-elapsed.ts';

describe('formatElapsed', () => {
  it.each([
    [0, '0:00'],
    [7_900, '0:07'],
    [723_000, '12:03'],
    [3_729_000, '1:02:09'],
    [-5, '0:00'],
  ])('shows %d ms as %s', (ms, text) => {
    expect(formatElapsed(ms)).toBe(text);
  });
});
