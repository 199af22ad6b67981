import type { DurationDistribution } from './duration-distribution.ts';
import { quantileOf } from './duration-distribution.ts';

/**
 * When to look at something whose end cannot be observed: minimises cost per check × checks + delay until the check that
 * sees the end (Barlow, Hunter and Proschan, *Optimum checking procedures*, 1963), by dynamic programming over the
 * distribution's grid. All in seconds.
 */
export interface ReadPlan {
  /** When to read next, counted from the start, after a read at `seconds` that saw no end. */
  nextReadAt: (seconds: number) => number;
}

export interface ReadPlanOptions {
  /** How many seconds of delay one read is worth. */
  secondsPerRead: number;
  /** Fewer than 5: the distribution is not trusted to leave long gaps. */
  observations: number;
}

const trustedObservations = 5;
const blindShare = 0.25;
const shortestGap = 0.1;
const longestFirstGap = 2;

export function planReads(distribution: DurationDistribution, options: ReadPlanOptions): ReadPlan {
  const { secondsPerRead, observations } = options;
  const { times, cdf, moment } = distribution;
  const costs = costsToGo(distribution, secondsPerRead);
  const { learnedUntil } = distribution;

  /** Best next read from `from`, given the probability and moment up to there. */
  const best = (from: number): number => {
    const i = firstAfter(times, from);
    const cdfHere = interpolate(distribution, cdf, from, i);
    const momentHere = interpolate(distribution, moment, from, i);
    let bestCost = Infinity;
    let bestTime = from * (1 + blindShare);
    for (let j = i; j < times.length; j += 1) {
      const at = times[j] ?? 0;
      const delay = at * ((cdf[j] ?? 0) - cdfHere) - ((moment[j] ?? 0) - momentHere);
      const cost = delay + (costs[j] ?? 0);
      if (cost < bestCost) {
        bestCost = cost;
        bestTime = at;
      }
      // The delay alone only grows from here.
      if (delay > bestCost) break;
    }
    return bestTime;
  };

  const median = quantileOf(distribution, 0.5);

  return {
    nextReadAt(seconds) {
      if (observations < trustedObservations) return seconds + coldGap(seconds, median, secondsPerRead);
      if (seconds >= learnedUntil)
        return seconds + Math.max(shortestGap, Math.min(tailGap(seconds, secondsPerRead), seconds * blindShare));
      const planned = best(seconds);
      return Math.max(seconds + shortestGap, Math.min(planned, learnedUntil * (1 + blindShare)));
    },
  };
}

/**
 * Without knowledge: the best even gap for work of a guessed length, sqrt(2 · cost · length), which costs little more when
 * the guess is off by two; a long guess is believed only as the waiting bears it out. Never more than a quarter of the
 * time waited, once that is more than a moment.
 */
function coldGap(seconds: number, guess: number, secondsPerRead: number): number {
  const length = Math.max(seconds, Math.min(guess, 1.2 * Math.max(seconds, guess / 2)));
  const even = Math.max(Math.min(longestFirstGap, 20 * secondsPerRead), tailGap(length, secondsPerRead));
  return Math.min(even, Math.max(longestFirstGap, seconds * blindShare));
}

function tailGap(seconds: number, secondsPerRead: number): number {
  return Math.sqrt(2 * secondsPerRead * seconds);
}

/** Cost to go from a read at each grid point that saw no end, times the probability of getting there. */
function costsToGo({ times, cdf, moment }: DurationDistribution, secondsPerRead: number): Float64Array {
  const n = times.length;
  const costs = new Float64Array(n);
  const lastTime = times[n - 1] ?? 0;
  const lastSurvival = 1 - (cdf[n - 1] ?? 1);
  // Beyond the grid the reads come at gaps of a quarter of the time waited.
  costs[n - 1] = lastSurvival * (4 * secondsPerRead + (lastTime * blindShare) / 2);
  for (let i = n - 2; i >= 0; i -= 1) {
    const survival = 1 - (cdf[i] ?? 0);
    let best = Infinity;
    for (let j = i + 1; j < n; j += 1) {
      const delay = (times[j] ?? 0) * ((cdf[j] ?? 0) - (cdf[i] ?? 0)) - ((moment[j] ?? 0) - (moment[i] ?? 0));
      const cost = delay + (costs[j] ?? 0);
      if (cost < best) best = cost;
      if (delay > best) break;
    }
    costs[i] = best + secondsPerRead * survival;
  }
  return costs;
}

function firstAfter(times: Float64Array, seconds: number): number {
  let low = 0;
  let high = times.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? 0) <= seconds) low = middle + 1;
    else high = middle;
  }
  return low;
}

function interpolate({ times }: DurationDistribution, values: Float64Array, seconds: number, after: number): number {
  const [t0 = 0, t1 = 0] = [times[after - 1], times[after]];
  const [v0 = 0, v1 = 0] = [values[after - 1], values[after]];
  const share = t1 > t0 ? Math.min(1, Math.max(0, (seconds - t0) / (t1 - t0))) : 0;
  return v0 + (v1 - v0) * share;
}
