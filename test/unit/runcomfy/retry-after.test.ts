import { describe, expect, it } from 'vitest';
import { parseRetryAfter } from '../../../runcomfy/retry-after.ts';

const now = 'Wed, 21 Oct 2026 07:28:00 GMT';

describe('Retry-After', () => {
  it.each([
    ['3', 3_000],
    [' 0 ', 0],
    ['1.5', 1_500],
    ['299', 299_000],
    ['301', 300_000],
    ['2026', 300_000],
    ['999999999999', 300_000],
    ['Wed, 21 Oct 2026 07:28:30 GMT', 30_000],
    ['Wed, 21 Oct 2026 07:27:00 GMT', 0],
    ['Thu, 22 Oct 2026 07:28:00 GMT', 300_000],
  ])('%j is %i ms', (header, ms) => {
    expect(parseRetryAfter(header, now)).toBe(ms);
  });

  it.each([undefined, '', 'soon', '-3', '3s', 'NaN', '1e9'])('%j says nothing', (header) => {
    expect(parseRetryAfter(header, now)).toBeUndefined();
  });

  it('counts a date from here when the reply has none of its own', () => {
    const inAnHour = new Date(Date.now() + 3_600_000).toUTCString();
    expect(parseRetryAfter(inAnHour)).toBe(300_000);
    expect(parseRetryAfter(new Date(Date.now() - 3_600_000).toUTCString())).toBe(0);
  });
});
