import type { DurationDistribution } from './duration-distribution.ts';
import { firstAfter, interpolate } from './duration-distribution.ts';

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
  /** No two reads come closer, seconds; default 0.35. */
  shortestGap?: number;
}

const trustedObservations = 5;
const blindShare = 0.25;
const longestFirstGap = 2;
/** Nobody sees a result sooner for more than three reads a second, but RunComfy would see the reads. */
const defaultShortestGap = 0.35;

export function planReads(distribution: DurationDistribution, options: ReadPlanOptions): ReadPlan {
  const { secondsPerRead, observations, shortestGap = defaultShortestGap } = options;
  const { times, cdf, moment, learnedFrom, learnedUntil } = distribution;
  const costs = costsToGo(distribution, secondsPerRead);
  const isTrusted = observations >= trustedObservations;
  const plannedUntil = isTrusted ? learnedUntil : (times.at(-1) ?? 0);

  /** Best next read from `from`, given the probability and moment up to there. */
  const best = (from: number): number => {
    const i = firstAfter(times, from);
    const cdfHere = interpolate(distribution, cdf, from);
    const momentHere = interpolate(distribution, moment, from);
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

  return {
    nextReadAt(seconds) {
      const isPlanned = seconds < plannedUntil;
      const wanted = isPlanned ? best(seconds) - seconds : evenGap(seconds, secondsPerRead);
      let gap = Math.max(shortestGap, wanted);
      if (!isPlanned || !isTrusted) {
        gap = Math.min(gap, blindly(seconds) - seconds);
      } else {
        gap = Math.min(gap, Math.max(shortestGap, blindly(learnedUntil) - seconds));
        // One read is enough before anything like this has ever ended.
        if (seconds > 0) gap = Math.max(gap, learnedFrom - seconds);
      }
      return seconds + gap;
    },
  };
}

/** The latest time to look at work of which nothing is known but that it lasts longer than this. */
export function blindly(seconds: number): number {
  return seconds + Math.max(longestFirstGap, seconds * blindShare);
}

/** The best even gap for work of this length. */
function evenGap(length: number, secondsPerRead: number): number {
  return Math.sqrt(2 * secondsPerRead * length);
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
