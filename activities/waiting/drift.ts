import type { WeightedDuration } from './duration-distribution.ts';

/** Without a trend, one series in fifty has a rank correlation that far from 0, in standard deviations. */
const clearTrend = 2.3;
/** With a trend, the weights fall by e to this power from the newest to the oldest, */
const forgetting = 7;
/** yet not below this: a batch that fills a queue looks like a drift, and the next one begins at its shortest again. */
const leastWeight = 0.1;

export interface TimedDuration {
  seconds: number;
  /** When the work was submitted. Not when it ended: of a batch that is submitted at once, the shortest ends first. */
  submittedAt: number;
}

/** How much each of these durations counts, oldest first: alike, unless they drift; then the newest count most. */
export function weighByAge(durations: readonly TimedDuration[]): WeightedDuration[] {
  const rate = Math.abs(trendOf(durations)) > clearTrend ? forgetting / durations.length : 0;
  return durations.map(({ seconds }, index) => ({
    seconds,
    weight: Math.max(leastWeight, Math.exp(-rate * (durations.length - 1 - index))),
  }));
}

/** Spearman's rank correlation with the time of the submit, in standard deviations; 0 where either is constant. */
function trendOf(durations: readonly TimedDuration[]): number {
  const n = durations.length;
  const lengths = ranksOf(durations.map(({ seconds }) => seconds));
  const times = ranksOf(durations.map(({ submittedAt }) => submittedAt));
  const middle = (n - 1) / 2;
  const sumOf = (product: (length: number, time: number) => number) =>
    lengths.reduce((sum, rank, index) => sum + product(rank - middle, (times[index] ?? 0) - middle), 0);
  const spread = Math.sqrt(sumOf((length) => length * length) * sumOf((_, time) => time * time));
  return spread === 0 ? 0 : (sumOf((length, time) => length * time) / spread) * Math.sqrt(n - 1);
}

/** From 0; equal ones share the mean of their ranks. */
function ranksOf(values: readonly number[]): number[] {
  const sorted = [...values].sort((a, b) => a - b);
  const first = new Map<number, number>();
  const last = new Map<number, number>();
  sorted.forEach((value, rank) => {
    if (!first.has(value)) first.set(value, rank);
    last.set(value, rank);
  });
  return values.map((value) => ((first.get(value) ?? 0) + (last.get(value) ?? 0)) / 2);
}
