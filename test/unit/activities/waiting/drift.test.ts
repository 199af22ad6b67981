import { describe, expect, it } from 'vitest';
import { weighByAge } from '../../../../activities/waiting/drift.ts';
import { createRandom } from '../../../../simulator/world/random.ts';

const series = (count: number, at: (index: number, random: number) => number, seed = 1) => {
  const random = createRandom(seed);
  return Array.from({ length: count }, (_, index) => at(index, random()));
};

/** Submitted one after another. */
const inTurn = (seconds: number[]) => seconds.map((one, index) => ({ seconds: one, submittedAt: index }));

const weightsOf = (seconds: number[]) => weighByAge(inTurn(seconds)).map(({ weight }) => weight);

/** Share of the weight that the newest ones have. */
const shareOfNewest = (seconds: number[], count: number) => {
  const weights = weightsOf(seconds);
  const sum = (some: number[]) => some.reduce((total, weight) => total + weight, 0);
  return sum(weights.slice(-count)) / sum(weights);
};

describe('how much durations count that were seen one after another', () => {
  it('is the same for all where they do not drift', () => {
    for (const count of [0, 1, 5, 20, 150]) {
      const constant = series(count, () => 50);
      expect(weighByAge(inTurn(constant))).toEqual(constant.map((seconds) => ({ seconds, weight: 1 })));
    }
    const seeds = Array.from({ length: 100 }, (_, seed) => seed);
    const drifting = seeds.filter((seed) => {
      return new Set(weightsOf(series(60, (_, random) => 40 + 20 * random, seed))).size > 1;
    });
    expect(drifting.length).toBeLessThan(8);
  });

  it('is most for the newest where they drift, up or down', () => {
    const up = series(60, (index, random) => 30 + index / 2 + 10 * random);
    for (const seconds of [up, [...up].reverse()]) {
      expect(weighByAge(inTurn(seconds)).map((one) => one.seconds)).toEqual(seconds);
      expect(shareOfNewest(seconds, 20)).toBeGreaterThan(0.6);
    }
  });

  it('follows a leap within a dozen', () => {
    const leap = series(150, (index, random) => (index < 138 ? 60 : 30) * (0.9 + 0.2 * random));
    expect(shareOfNewest(leap, 12)).toBeGreaterThan(0.3);
  });

  it('is the same for all of a batch that was submitted at once, of which the shortest end first', () => {
    const batch = series(100, (index) => 40 + index / 5).map((seconds) => ({ seconds, submittedAt: 0 }));
    expect(new Set(weighByAge(batch).map(({ weight }) => weight)).size).toBe(1);
  });

  it('does not tell a drift from six or fewer that are in no order', () => {
    expect(new Set(weightsOf([50, 40, 55, 60, 45, 65])).size).toBe(1);
  });
});
