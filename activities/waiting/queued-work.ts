import { type DurationDistribution, interpolate, quantileGrid, tabulate } from './duration-distribution.ts';
import type { WeightedDuration } from './kernels.ts';

/** What is known of work that is still queued. */
export interface QueueSoFar {
  /** Seconds since the submit. */
  waited: number;
  /** Number of requests ahead of this one, according to RunComfy. */
  position: number | undefined;
  /** Seconds that the queue has lately taken to move up by one place. */
  secondsPerPlace: number | undefined;
}

/** Spread of a guess, as quantiles of a lognormal of σ 0.5: 10, 30, 50, 70 and 90 %. */
const guessSpread = [0.53, 0.77, 1, 1.3, 1.9];
const fewSamples = 3;

/** Number of possibilities: enough to distinguish the shapes of queues, few enough to plan anew with each read. */
const mostPossibilities = 8;

/** How much longer the work may stay in the queue: weighted possibilities, shortest first. */
export function remainingQueue(
  { waited, position, secondsPerPlace }: QueueSoFar,
  queues: readonly WeightedDuration[],
): WeightedDuration[] {
  if (position !== undefined && secondsPerPlace !== undefined) {
    // The request at the head waits for a place to run in, which takes half a step on average.
    const likely = (position + 0.5) * secondsPerPlace;
    return guessSpread.map((factor) => ({ seconds: factor * likely, weight: 1 }));
  }
  const longer = queues
    .filter(({ seconds }) => seconds > waited)
    .map(({ seconds, weight }) => ({ seconds: seconds - waited, weight }))
    .sort((a, b) => a.seconds - b.seconds);
  if (longer.length >= fewSamples) return thinned(longer);
  // A queue that has lasted longer than nearly all others may last as long again, and little more is known.
  return guessSpread.map((factor) => ({ seconds: factor * Math.max(1, waited / 2), weight: 1 }));
}

/** Thins to `mostPossibilities` of equal weight with about the same distribution. */
function thinned(sorted: readonly WeightedDuration[]): WeightedDuration[] {
  if (sorted.length <= mostPossibilities) return [...sorted];
  const total = sorted.reduce((sum, { weight }) => sum + weight, 0);
  const quantiles: WeightedDuration[] = [];
  let sum = 0;
  for (const { seconds, weight } of sorted) {
    sum += weight;
    while ((quantiles.length + 0.5) / mostPossibilities <= sum / total && quantiles.length < mostPossibilities) {
      quantiles.push({ seconds, weight: 1 });
    }
  }
  return quantiles;
}

const gridPoints = 100;

/** When work that is still queued after `waited` seconds will be over: what is left of its queue, then a whole run. */
export function queuedWork(
  waited: number,
  remaining: readonly WeightedDuration[],
  runs: DurationDistribution,
): DurationDistribution {
  const total = remaining.reduce((sum, { weight }) => sum + weight, 0);
  const cdf = (seconds: number) =>
    remaining.reduce(
      (sum, { seconds: queue, weight }) =>
        sum + (weight / total) * interpolate(runs, runs.cdf, seconds - waited - queue),
      0,
    );
  const shortest = Math.max(0.1, (remaining[0]?.seconds ?? 0) + (runs.times[1] ?? 0));
  const longest = Math.max(2 * shortest, (remaining.at(-1)?.seconds ?? 0) + (runs.times.at(-1) ?? 0));
  return tabulate(cdf, quantileGrid(cdf, [waited + shortest, waited + longest], gridPoints));
}
