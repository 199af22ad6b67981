import type { WeightedDuration } from './duration-distribution.ts';

/** Without a trend, one series in fifty has a rank correlation that far from 0, in standard deviations. */
const clearTrend = 2.3;
/** With a trend, the weights fall by e to this power from the newest to the oldest. */
const forgetting = 7;

/** How much each of these durations counts, oldest first: alike, unless they drift; then the newest count most. */
export function weighByAge(seconds: readonly number[]): WeightedDuration[] {
  const rate = Math.abs(trendOf(seconds)) > clearTrend ? forgetting / seconds.length : 0;
  return seconds.map((duration, index) => ({
    seconds: duration,
    weight: Math.exp(-rate * (seconds.length - 1 - index)),
  }));
}

/** Spearman's rank correlation with time, in standard deviations; 0 for a constant series. */
function trendOf(seconds: readonly number[]): number {
  const n = seconds.length;
  if (n < 3) return 0;
  const ranks = ranksOf(seconds);
  const middle = (n - 1) / 2;
  const [covariance, variance] = ranks.reduce(
    ([products, squares], rank, index) => [
      products + (rank - middle) * (index - middle),
      squares + (rank - middle) ** 2,
    ],
    [0, 0],
  );
  const ofTime = (n * (n * n - 1)) / 12;
  return variance === 0 ? 0 : (covariance / Math.sqrt(variance * ofTime)) * Math.sqrt(n - 1);
}

/** From 0; equal ones share the mean of their ranks. */
function ranksOf(seconds: readonly number[]): number[] {
  const sorted = [...seconds].sort((a, b) => a - b);
  const first = new Map<number, number>();
  const last = new Map<number, number>();
  sorted.forEach((value, rank) => {
    if (!first.has(value)) first.set(value, rank);
    last.set(value, rank);
  });
  return seconds.map((value) => ((first.get(value) ?? 0) + (last.get(value) ?? 0)) / 2);
}
