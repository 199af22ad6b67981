import { type DurationDistribution, firstAfter, interpolate } from './duration-distribution.ts';

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
  /** No two reads come closer, seconds; default 0.3. */
  shortestGap?: number;
  /** The latest time to look at work that is learned of, after a read at `seconds`; default: `inAnyCase`. */
  latest?: (seconds: number) => number;
}

const trustedObservations = 5;
/** Without knowledge no gap is longer than this share of the time waited. */
export const blindShare = 0.25;
const longestFirstGap = 2;
/** Until so many seconds unknown work may be short: its reads come closer, where they are not dear to the caller. */
const shortWorkUntil = 16;
const shortFirstGap = 1.5;
const shortShare = 0.125;
const dearRead = 1;
/** Of the 40 s and of the time the work took, a little is left for late timers and for the answer's way. */
const longestGap = 39;
const longestShare = 0.975;
/** Nobody sees a result sooner for more than three reads a second, but RunComfy would see the reads. */
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
        // One read is enough before anything like this has ever ended.
        if (seconds > 0) gap = Math.max(gap, learnedFrom - seconds);
        gap = Math.min(gap, latest(seconds) - seconds);
      }
      return seconds + gap;
    },
  };
}

/** The latest time to look at work of which nothing is known but that it lasts longer than this. */
export function blindly(seconds: number): number {
  return seconds + Math.max(longestFirstGap, seconds * blindShare);
}

/** The same where nothing was learned at all: work that is short is only short if its end is seen. */
function coldly(seconds: number, secondsPerRead: number): number {
  if (seconds >= shortWorkUntil || secondsPerRead > dearRead) return blindly(seconds);
  return seconds + Math.max(shortFirstGap, seconds * shortShare);
}

/**
 * The latest time to look, whatever was learned: any work may fail early, jam or have changed, and its end is to be seen
 * within 40 s, or within the time it took.
 */
export function inAnyCase(seconds: number): number {
  return seconds + Math.max(longestGap, seconds * longestShare);
}

/** The best gap where work that has lasted this long ends at a rate of 3 ÷ its length, as what outlasts others does. */
function outlastingGap(seconds: number, secondsPerRead: number): number {
  return Math.sqrt((2 * secondsPerRead * seconds) / 3);
}

/**
 * The best next read after one that saw no end, among the grid's points: `shortestGap` later at least and, where there is
 * such a point, at `latest` at most, as all that follow it.
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
  // Beyond the grid the reads come at gaps of a quarter of the time waited.
  costs[n - 1] = lastSurvival * (4 * secondsPerRead + (lastTime * blindShare) / 2);

  /** Delay of what ends until a read at `j`, and all that follows it. */
  const costVia = (j: number, cdfHere: number, momentHere: number) =>
    (times[j] ?? 0) * ((cdf[j] ?? 0) - cdfHere) - ((moment[j] ?? 0) - momentHere) + (costs[j] ?? 0);
  /** The best next read after one at each grid point. */
  const nexts = new Int32Array(n).fill(n - 1);
  const cheapest = (from: number, after: number, cdfHere: number, momentHere: number): number => {
    const [earliest, last] = [from + shortestGap, latest(from)];
    // The later a read, the later the best one that follows it: delays satisfy the quadrangle inequality.
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
