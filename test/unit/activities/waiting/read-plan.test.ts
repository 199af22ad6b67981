import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { estimateDurations, tabulate } from '../../../../activities/waiting/duration-distribution.ts';
import { priorOf } from '../../../../activities/waiting/prior.ts';
import { inAnyCase, planReads } from '../../../../activities/waiting/read-plan.ts';

const observe = (seconds: number[]) =>
  estimateDurations(
    seconds.map((one) => ({ seconds: one, weight: 1 })),
    priorOf('some/maker/image-to-video'),
  );

/** Reads until `end`, as the plan makes them. */
function readsUntil(end: number, nextReadAt: (seconds: number) => number): number[] {
  const reads: number[] = [];
  let now = 0;
  while (now < end && reads.length < 10_000) {
    now = nextReadAt(now);
    reads.push(now);
  }
  return reads;
}

describe('a plan of reads', () => {
  it('waits until work can be over, then looks closely', () => {
    const durations = Array.from({ length: 50 }, (_, index) => 40 + (index * 20) / 49);
    const { nextReadAt } = planReads(observe(durations), { secondsPerRead: 0.5, observations: 50 });
    const reads = readsUntil(60, nextReadAt);
    expect(reads.filter((at) => at < 38).length).toBeLessThanOrEqual(1);
    expect(reads.filter((at) => at >= 38).length).toBeGreaterThanOrEqual(5);
    expect(reads.length).toBeLessThan(15);
  });

  it('reads more often the less a read costs', () => {
    const durations = Array.from({ length: 50 }, (_, index) => 40 + (index * 20) / 49);
    const count = (secondsPerRead: number) =>
      readsUntil(60, planReads(observe(durations), { secondsPerRead, observations: 50 }).nextReadAt).length;
    const counts = [0.02, 0.1, 0.5, 2].map(count);
    expect(counts).toEqual([...counts].sort((a, b) => b - a));
    expect(counts[0]).toBeGreaterThan((counts[3] ?? 0) * 3);
  });

  it('reads as closely as it may where the end is near, however wide the range is that durations are believed to have', () => {
    const durations = Array.from({ length: 100 }, (_, index) => 40 + (index * 20) / 99);
    const plan = planReads(observe(durations), { secondsPerRead: 0.01, observations: 100 });
    for (const at of [57, 58, 59]) expect(plan.nextReadAt(at) - at).toBeLessThan(0.4);
  });

  it('is the cheapest of all ways to read on its grid', () => {
    const grid = [2, 3, 4.5, 5, 7, 8, 9.5, 11, 12];
    fc.assert(
      fc.property(
        fc.array(fc.nat({ max: 20 }), { minLength: grid.length, maxLength: grid.length }),
        fc.double({ min: 0.01, max: 3, noNaN: true }),
        fc.double({ min: 0.1, max: 2, noNaN: true }),
        (weights, secondsPerRead, shortestGap) => {
          const total = weights.reduce((sum, weight) => sum + weight, 1);
          const cdfAt = (seconds: number) =>
            seconds >= 12
              ? 1
              : weights.reduce((sum, one, index) => sum + ((grid[index] ?? 0) <= seconds ? one : 0), 0) / total;
          const distribution = { ...tabulate(cdfAt, grid), learnedFrom: 0, learnedUntil: Infinity };
          const { cdf, moment } = distribution;
          const costOf = (reads: number[]) => {
            let [cost, before] = [0, 0];
            for (const at of reads) {
              const now = grid.indexOf(at) + 1;
              const [ended, endedBefore] = [cdf[now] ?? 0, cdf[before] ?? 0];
              cost += secondsPerRead * (1 - endedBefore) + at * (ended - endedBefore);
              cost -= (moment[now] ?? 0) - (moment[before] ?? 0);
              before = now;
            }
            return cost;
          };
          const plan = planReads(distribution, { secondsPerRead, observations: 100, shortestGap });
          const planned = costOf(readsUntil(12, plan.nextReadAt));
          for (let chosen = 0; chosen < 2 ** (grid.length - 1); chosen += 1) {
            const reads = grid.filter((at, index) => at === 12 || (chosen & (1 << index)) !== 0);
            const isAllowed = reads.every((at, index) => at - (reads[index - 1] ?? 0) >= shortestGap);
            if (isAllowed) expect(planned).toBeLessThanOrEqual(costOf(reads) + 1e-9);
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it('looks at both humps of work that is now quick, now slow', () => {
    const durations = [...Array.from({ length: 30 }, () => 20), ...Array.from({ length: 15 }, () => 90)];
    const { nextReadAt } = planReads(observe(durations), { secondsPerRead: 0.5, observations: 45 });
    const reads = readsUntil(90, nextReadAt);
    expect(reads.some((at) => at >= 19 && at <= 23)).toBe(true);
    expect(reads.filter((at) => at > 30 && at < 80).length).toBeLessThanOrEqual(4);
    expect(reads.some((at) => at >= 85 && at <= 100)).toBe(true);
  });

  it('always comes to a later read, never further off than a quarter of the time waited once it is in the dark', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.2, max: 5_000, noNaN: true }), { maxLength: 40 }),
        fc.double({ min: 0.01, max: 10, noNaN: true }),
        fc.double({ min: 0, max: 100_000, noNaN: true }),
        (durations, secondsPerRead, now) => {
          const distribution = observe(durations);
          const { nextReadAt } = planReads(distribution, { secondsPerRead, observations: durations.length });
          const next = nextReadAt(now);
          expect(next).toBeGreaterThan(now);
          const isDark = durations.length < 5 || now > distribution.learnedUntil;
          if (isDark) expect(next - now).toBeLessThanOrEqual(Math.max(2, now / 4) + 1e-9);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('reads once at most before anything like it has ever ended, but for the unexpected, and no closer than three times a second', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 1, max: 500, noNaN: true }), { minLength: 5, maxLength: 60 }),
        fc.double({ min: 0.01, max: 5, noNaN: true }),
        (durations, secondsPerRead) => {
          const distribution = observe(durations);
          const plan = planReads(distribution, { secondsPerRead, observations: durations.length });
          const reads = readsUntil(distribution.learnedUntil, plan.nextReadAt);
          // Whatever was learned, it looks after 39 s and each time the wait has about doubled.
          const unexpected = readsUntil(distribution.learnedFrom, inAnyCase).slice(0, -1);
          const early = reads.filter((at) => at < distribution.learnedFrom - 1e-9);
          expect(early.length).toBeLessThanOrEqual(1 + unexpected.length);
          for (const [index, at] of reads.entries())
            expect(at - (reads[index - 1] ?? 0)).toBeGreaterThanOrEqual(0.2999);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('costs hardly more than the best plan for the true distribution once 100 durations are known', () => {
    const uniform = (seconds: number) => Math.min(1, Math.max(0, (seconds - 40) / 20));
    const truth = tabulate(
      uniform,
      Array.from({ length: 2_000 }, (_, index) => 39.99 + index / 99),
    );
    const durations = Array.from({ length: 100 }, (_, index) => 40 + ((index * 37) % 100) / 5);
    const best = planReads(truth, { secondsPerRead: 0.5, observations: 1_000 });
    const learned = planReads(observe(durations), { secondsPerRead: 0.5, observations: 100 });
    const costOf = (nextReadAt: (seconds: number) => number) => {
      let cost = 0;
      for (let share = 0.0005; share < 1; share += 0.001) {
        const end = 40 + 20 * share;
        const reads = readsUntil(end, nextReadAt);
        cost += (reads.length * 0.5 + ((reads.at(-1) ?? 0) - end)) / 1_000;
      }
      return cost;
    };
    expect(costOf(learned.nextReadAt) / costOf(best.nextReadAt)).toBeLessThan(1.1);
  });
});
