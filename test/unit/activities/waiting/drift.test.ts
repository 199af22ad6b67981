import { describe, expect, it } from 'vitest';
import { weighByAge } from '../../../../activities/waiting/drift.ts';
import { createRandom } from '../../../../simulator/random.ts';

const series = (count: number, at: (index: number, random: number) => number, seed = 1) => {
  const random = createRandom(seed);
  return Array.from({ length: count }, (_, index) => at(index, random()));
};

/** Share of the weight that the newest ones have. */
const shareOfNewest = (seconds: number[], count: number) => {
  const weights = weighByAge(seconds).map(({ weight }) => weight);
  const sum = (some: number[]) => some.reduce((total, weight) => total + weight, 0);
  return sum(weights.slice(-count)) / sum(weights);
};

describe('how much durations count that were seen one after another', () => {
  it('is the same for all where they do not drift', () => {
    for (const count of [0, 1, 5, 20, 150]) {
      const constant = series(count, () => 50);
      expect(weighByAge(constant)).toEqual(constant.map((seconds) => ({ seconds, weight: 1 })));
    }
    const seeds = Array.from({ length: 100 }, (_, seed) => seed);
    const drifting = seeds.filter((seed) => {
      const weights = weighByAge(series(60, (_, random) => 40 + 20 * random, seed)).map(({ weight }) => weight);
      return new Set(weights).size > 1;
    });
    expect(drifting.length).toBeLessThan(8);
  });

  it('is most for the newest where they drift, up or down', () => {
    const up = series(60, (index, random) => 30 + index / 2 + 10 * random);
    for (const seconds of [up, [...up].reverse()]) {
      expect(weighByAge(seconds).map((one) => one.seconds)).toEqual(seconds);
      expect(shareOfNewest(seconds, 20)).toBeGreaterThan(0.85);
    }
  });

  it('follows a leap within a dozen', () => {
    const leap = series(150, (index, random) => (index < 138 ? 60 : 30) * (0.9 + 0.2 * random));
    expect(shareOfNewest(leap, 12)).toBeGreaterThan(0.4);
  });

  it('does not tell a drift from six or fewer that are in no order', () => {
    expect(new Set(weighByAge([50, 40, 55, 60, 45, 65]).map(({ weight }) => weight)).size).toBe(1);
  });
});
