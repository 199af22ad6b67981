import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextResultInMs } from '../../../../activities/reading/result-schedule.ts';

describe('nextResultInMs', () => {
  it('is 13 % of the wait so far, from 1 s to 15 s', () => {
    expect(nextResultInMs(0)).toBe(1_000);
    expect(nextResultInMs(-5)).toBe(1_000);
    expect(nextResultInMs(60_000)).toBe(7_800);
    expect(nextResultInMs(3_600_000)).toBe(15_000);
  });

  it('never shrinks while one waits, and is always a whole number of milliseconds', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1e9, noNaN: true }),
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        (a, more) => {
          expect(Number.isInteger(nextResultInMs(a))).toBe(true);
          expect(nextResultInMs(a + more)).toBeGreaterThanOrEqual(nextResultInMs(a));
        },
      ),
    );
  });

  it('reads a job of 15 minutes fewer than a hundred times', () => {
    let reads = 0;
    for (let waited = 0; waited < 900_000; waited += nextResultInMs(waited)) reads += 1;
    expect(reads).toBeLessThan(100);
  });
});
