import { type DurationDistribution, firstAfter, interpolate } from './duration-distribution.ts';

/**
 * When to look at something whose end cannot be observed. Minimises cost per check × checks + delay until the check
 * that sees the end (Barlow, Hunter and Proschan, *Optimum checking procedures*, 1963) by dynamic programming over the
 * distribution's grid. Times are in seconds.
 */
export interface ReadPlan {
  /** When to read next, counted from the start, after a read at `seconds` that saw no end. */
  nextReadAt: (seconds: number) => number;
}

export interface ReadPlanOptions {
  /** How many seconds of delay one read is worth. */
  secondsPerRead: number;
  /** Number of observations. With fewer than 5, the distribution is not trusted with long gaps. */
  observations: number;
  /** Shortest gap between reads, in seconds; default 0.3. */
  shortestGap?: number;
  /** Latest time of the read after one at `seconds`, for work that was learned; default: `inAnyCase`. */
  latest?: (seconds: number) => number;
}

const trustedObservations = 5;
/** Without knowledge, no gap is longer than this share of the time waited. */
export const blindShare = 0.25;
const longestFirstGap = 2;
/**
 * Unknown work may be short up to this many seconds: its reads come closer, unless they are expensive to the caller.
 */
const shortWorkUntil = 16;
const shortFirstGap = 1.5;
const shortShare = 0.125;
const dearRead = 1;
/** Longest gap between reads, in seconds: 40 s less some room for late timers and the answer's way. */
const longestGap = 39;
/** Longest gap as a share of the time waited, with the same room. */
const longestShare = 0.975;
/**
 * Shortest gap between reads, in seconds: more than three reads a second show no result sooner, but burden RunComfy.
 */
const defaultShortestGap = 0.3;

export function planReads(distribution: DurationDistribution, options: ReadPlanOptions): ReadPlan {
  const { secondsPerRead, observations, shortestGap = defaultShortestGap, latest = inAnyCase } = options;
  const { learnedFrom, learnedUntil } = distribution;
  const isTrusted = observations >= trustedObservations;
  const unlearned = (seconds: number) => coldly(seconds, secondsPerRead);
  const cheapestNext = searchForNext(distribution, secondsPerRead, shortestGap, isTrusted ? latest : unlearned);

  return {
    nextReadAt(seconds) {
      const isPlanned = seconds < learnedUntil;
      const wanted = isPlanned ? cheapestNext(seconds) - seconds : outlastingGap(seconds, secondsPerRead);
      let gap = Math.max(shortestGap, wanted);
      if (!isPlanned || !isTrusted) {
        gap = Math.min(gap, (isTrusted ? blindly : unlearned)(seconds) - seconds);
      } else {
        gap = Math.min(gap, Math.max(shortestGap, blindly(learnedUntil) - seconds));
        // One read is enough before the earliest end that was ever seen.
        if (seconds > 0) gap = Math.max(gap, learnedFrom - seconds);
        gap = Math.min(gap, latest(seconds) - seconds);
      }
      return seconds + gap;
    },
  };
}

/** Latest time to look at work of which nothing is known except that it has lasted this long. */
export function blindly(seconds: number): number {
  return seconds + Math.max(longestFirstGap, seconds * blindShare);
}

/**
 * The same if nothing was learned at all. Reads come closer at first, since the benefit of short work is lost if its
 * end is seen late.
 */
function coldly(seconds: number, secondsPerRead: number): number {
  if (seconds >= shortWorkUntil || secondsPerRead > dearRead) return blindly(seconds);
  return seconds + Math.max(shortFirstGap, seconds * shortShare);
}

/**
 * Latest time to look, whatever was learned: any work may fail early, hang or have changed, and its end must be seen
 * within 40 s or within the time it took.
 */
export function inAnyCase(seconds: number): number {
  return seconds + Math.max(longestGap, seconds * longestShare);
}

/**
 * The best gap for work that has lasted this long and ends at a rate of 3 ÷ its length, as work that outlasts others
 * does.
 */
function outlastingGap(seconds: number, secondsPerRead: number): number {
  return Math.sqrt((2 * secondsPerRead * seconds) / 3);
}

/**
 * The best next read after one that saw no end, among the grid points: at least `shortestGap` later and, if there is
 * such a point, at `latest` at the latest. The same holds for the reads that follow.
 */
function searchForNext(
  distribution: DurationDistribution,
  secondsPerRead: number,
  shortestGap: number,
  latest: (seconds: number) => number,
): (from: number) => number {
  const { times, cdf, moment } = distribution;
  const n = times.length;
  /** Cost to go from a read at each grid point that saw no end, times the probability of getting there. */
  const costs = new Float64Array(n);
  const [lastTime, lastSurvival] = [times[n - 1] ?? 0, 1 - (cdf[n - 1] ?? 1)];
  // Beyond the grid, the gaps between reads are a quarter of the time waited.
  costs[n - 1] = lastSurvival * (4 * secondsPerRead + (lastTime * blindShare) / 2);

  /** Delay of work that ends before a read at `j`, plus all that follows that read. */
  const costVia = (j: number, cdfHere: number, momentHere: number) =>
    (times[j] ?? 0) * ((cdf[j] ?? 0) - cdfHere) - ((moment[j] ?? 0) - momentHere) + (costs[j] ?? 0);
  /** The best next read after one at each grid point. */
  const nexts = new Int32Array(n).fill(n - 1);
  const cheapest = (from: number, after: number, cdfHere: number, momentHere: number): number => {
    const [earliest, last] = [from + shortestGap, latest(from)];
    // The later a read, the later the best one after it: delays satisfy the quadrangle inequality.
    const until = nexts[after] ?? n - 1;
    let [best, bestCost] = [until, Infinity];
    for (let j = after; j <= until; j += 1) {
      const at = times[j] ?? 0;
      if (at < earliest) continue;
      if (at > last && bestCost < Infinity) break;
      const cost = costVia(j, cdfHere, momentHere);
      if (cost < bestCost) [best, bestCost] = [j, cost];
    }
    return best;
  };
  for (let i = n - 2; i >= 0; i -= 1) {
    const [cdfHere, momentHere] = [cdf[i] ?? 0, moment[i] ?? 0];
    const next = cheapest(times[i] ?? 0, i + 1, cdfHere, momentHere);
    nexts[i] = next;
    costs[i] = costVia(next, cdfHere, momentHere) + secondsPerRead * (1 - cdfHere);
  }
  return (from) => {
    const [cdfHere, momentHere] = [interpolate(distribution, cdf, from), interpolate(distribution, moment, from)];
    return times[cheapest(from, firstAfter(times, from), cdfHere, momentHere)] ?? 0;
  };
}
