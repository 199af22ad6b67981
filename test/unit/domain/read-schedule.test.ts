import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextReadInMs } from '../../../domain/read-schedule.ts';

describe('nextReadInMs', () => {
  it('is 13 % of the wait so far, from 1 s to 15 s', () => {
    expect(nextReadInMs(0)).toBe(1_000);
    expect(nextReadInMs(-5)).toBe(1_000);
    expect(nextReadInMs(60_000)).toBe(7_800);
    expect(nextReadInMs(3_600_000)).toBe(15_000);
  });

  it('never shrinks while one waits, and is always a whole number of milliseconds', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1e9, noNaN: true }),
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        (a, more) => {
          expect(Number.isInteger(nextReadInMs(a))).toBe(true);
          expect(nextReadInMs(a + more)).toBeGreaterThanOrEqual(nextReadInMs(a));
        },
      ),
    );
  });

  it('reads a job of 15 minutes fewer than a hundred times', () => {
    let reads = 0;
    for (let waited = 0; waited < 900_000; waited += nextReadInMs(waited)) reads += 1;
    expect(reads).toBeLessThan(100);
  });
});
