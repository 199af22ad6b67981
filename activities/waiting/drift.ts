import type { WeightedDuration } from './kernels.ts';

/**
 * Rank correlation, in standard deviations, from which a trend is clear: without a trend, one series in fifty exceeds
 * it.
 */
const clearTrend = 2.3;
/** With a trend, weights fall by a factor of e to this power from the newest to the oldest. */
const forgetting = 7;
/** Least weight. A batch that fills a queue looks like a drift, and the next one starts with short durations again. */
const leastWeight = 0.1;
/**
 * How many of the newest durations are compared with the older ones. A kind that was common but is rare among the
 * newest is over, e.g. an incident.
 */
const newestCounts = [8, 20, 40];
/** A kind counts as over if chance alone would leave so few of it with at most this probability. */
const clearChange = 0.002;

export interface TimedDuration {
  seconds: number;
  /** When the work was submitted, not when it ended: of a batch that is submitted at once, the shortest ends first. */
  submittedAt: number;
  hasFailed?: boolean;
}

/**
 * The weight of each duration, oldest first. Weights are equal unless the durations drift; then the newest weigh most.
 * A kind of duration that has become rare weighs by how often it occurred lately.
 */
export function weighByAge(durations: readonly TimedDuration[]): WeightedDuration[] {
  const worked = durations.filter(({ hasFailed }) => !hasFailed);
  const rate = Math.abs(trendOf(worked)) > clearTrend ? forgetting / durations.length : 0;
  const gone = goneShares(durations);
  return durations.map(({ seconds }, index) => ({
    seconds,
    weight: Math.max(leastWeight, Math.exp(-rate * (durations.length - 1 - index))) * (gone[index] ?? 1),
  }));
}

/** For each duration, how often its kind (one octave, one outcome) still occurs relative to before; at most 1. */
function goneShares(durations: readonly TimedDuration[]): number[] {
  const kinds = durations.map(({ seconds, hasFailed }) => `${String(hasFailed)} ${String(octaveOf(seconds))}`);
  const shares = durations.map(() => 1);
  for (const newest of newestCounts) {
    const older = durations.length - newest;
    if (older < newest / 2) break;
    const [before, lately] = [countsOf(kinds.slice(0, older)), countsOf(kinds.slice(older))];
    for (const [kind, count] of before) {
      const usual = (count + 0.5) / (older + 1);
      const seen = lately.get(kind) ?? 0;
      if (seen >= newest * usual || atMost(seen, newest, usual) > clearChange) continue;
      const share = (seen + 0.5) / (newest * usual + 0.5);
      for (let index = 0; index < older; index += 1) {
        if (kinds[index] === kind) shares[index] = Math.min(shares[index] ?? 1, share);
      }
    }
  }
  return shares;
}

function octaveOf(seconds: number): number {
  return Math.floor(Math.log2(Math.max(0.001, seconds)));
}

function countsOf(kinds: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

/** Binomial probability of at most `successes` in `trials`. */
function atMost(successes: number, trials: number, probability: number): number {
  let [sum, one] = [0, (1 - probability) ** trials];
  for (let count = 0; count <= successes; count += 1) {
    sum += one;
    one *= ((trials - count) / (count + 1)) * (probability / (1 - probability));
  }
  return sum;
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

/** Ranks from 0; equal values share the mean of their ranks. */
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
