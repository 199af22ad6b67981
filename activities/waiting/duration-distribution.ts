import {
  countUntil,
  type DurationPrior,
  type Kernel,
  kernelsOf,
  mixtureCdf,
  priorKernels,
  type WeightedDuration,
} from './kernels.ts';

/** A distribution of durations in seconds, tabulated on an increasing grid. */
export interface DurationDistribution {
  /** Grid, seconds; the first is 0. */
  times: Float64Array;
  /** P(T ≤ time). */
  cdf: Float64Array;
  /** E[T; T ≤ time], seconds. */
  moment: Float64Array;
  /** Seconds below which 0.5 % of the observed durations lie; of the believed ones if nothing was observed. */
  learnedFrom: number;
  /** Seconds below which 99 % lie; a later end has not been seen before. */
  learnedUntil: number;
}

const defaultPoints = 320;
const scanSteps = 400;
const tail = 0.0005;
const stepInBody = 1.0125;
const stepInTail = 1.1;
/** First grid point of a prior, in seconds. A prior is wide: its plan needs grid points even where nothing ends yet. */
const firstPointOfPrior = 0.3;
/** Factor between neighbouring grid points of a prior. */
const stepOfPrior = 1.006;

/**
 * Share that the prior always keeps, however much was observed: the model may have changed, or the work may be of
 * another kind.
 */
const leastBelief = 0.005;

/**
 * Mixture of the prior and one lognormal kernel per observation. No shape is assumed, so two humps (cold starts) and
 * heavy tails are kept. A kernel is as wide as its neighbours are far away, so that each hump gets the width it needs.
 * Failures form humps of their own.
 */
export function estimateDurations(
  observed: readonly WeightedDuration[],
  prior: DurationPrior,
  failed: readonly WeightedDuration[] = [],
): DurationDistribution {
  const kernels = [...kernelsOf(observed), ...kernelsOf(failed)].sort((a, b) => a.mu - b.mu);
  const parts = priorKernels(prior);
  const seen = mixtureCdf(kernels);
  const believed = mixtureCdf(parts);
  const belief = Math.max(leastBelief, prior.weight / (kernels.length + prior.weight));
  const cdf = remembering((seconds) => {
    const log = Math.log(seconds);
    return (1 - belief) * seen(log) + belief * believed(log);
  });
  const grid = kernels.length === 0 ? evenGrid(parts) : quantileGrid(cdf, rangeOf([...kernels, ...parts]));
  const known = kernels.length === 0 ? believed : seen;
  const quantile = (share: number) => grid[countUntil(grid.length, (i) => known(Math.log(grid[i] ?? 0)) < share)] ?? 0;
  return { ...tabulate(cdf, grid), learnedFrom: quantile(0.005), learnedUntil: quantile(0.99) };
}

/** Tabulates a distribution given by its CDF. */
export function tabulate(cdfAt: (seconds: number) => number, grid: readonly number[]): DurationDistribution {
  const times = Float64Array.from([0, ...grid]);
  const cdf = new Float64Array(times.length);
  const moment = new Float64Array(times.length);
  for (let i = 1; i < times.length; i += 1) {
    const [before = 0, at = 0] = [times[i - 1], times[i]];
    cdf[i] = Math.max(cdf[i - 1] ?? 0, cdfAt(at));
    moment[i] = (moment[i - 1] ?? 0) + ((cdf[i] ?? 0) - (cdf[i - 1] ?? 0)) * ((before + at) / 2);
  }
  const body = { times, cdf, moment };
  return { ...body, learnedFrom: quantileOf(body, 0.005), learnedUntil: quantileOf(body, 0.99) };
}

/** Smallest duration that is not exceeded with the given probability. */
function quantileOf({ times, cdf }: Pick<DurationDistribution, 'times' | 'cdf'>, probability: number): number {
  return (
    times[
      Math.min(
        times.length - 1,
        countUntil(cdf.length, (i) => (cdf[i] ?? 1) < probability),
      )
    ] ?? 0
  );
}

/** Index of the first grid point after `seconds`; the last one where there is none. */
export function firstAfter(times: Float64Array, seconds: number): number {
  return Math.min(
    times.length - 1,
    countUntil(times.length, (i) => (times[i] ?? 0) <= seconds),
  );
}

/** The value at `seconds`, linearly interpolated between grid points. */
export function interpolate({ times }: DurationDistribution, values: Float64Array, seconds: number): number {
  const after = firstAfter(times, seconds);
  const [t0 = 0, t1 = 0] = [times[after - 1], times[after]];
  const [v0 = 0, v1 = 0] = [values[after - 1], values[after]];
  const share = t1 > t0 ? Math.min(1, Math.max(0, (seconds - t0) / (t1 - t0))) : 0;
  return v0 + (v1 - v0) * share;
}

/** Median of the durations above `seconds`; beyond everything known, twice `seconds`. */
export function likelyEndAfter(distribution: DurationDistribution, seconds: number): number {
  const over = interpolate(distribution, distribution.cdf, seconds);
  const half = over + (1 - over) / 2;
  return half < (distribution.cdf.at(-1) ?? 0) ? quantileOf(distribution, half) : 2 * seconds;
}

/** Caches computed values: the grid is made from the values that are then tabulated on it. */
function remembering(compute: (seconds: number) => number): (seconds: number) => number {
  const known = new Map<number, number>();
  return (seconds) => {
    const value = known.get(seconds) ?? compute(seconds);
    known.set(seconds, value);
    return value;
  };
}

function evenGrid(kernels: readonly Kernel[]): number[] {
  const last = Math.max(...kernels.map(({ mu, sigma }) => Math.exp(mu + 4 * sigma)));
  const count = Math.ceil(Math.log(last / firstPointOfPrior) / Math.log(stepOfPrior));
  return Array.from({ length: count + 1 }, (_, step) => firstPointOfPrior * stepOfPrior ** step);
}

/** The range outside of which there is next to no probability. */
function rangeOf(kernels: readonly Kernel[]): [number, number] {
  return [
    Math.min(...kernels.map(({ mu, sigma }) => Math.exp(mu - 4 * sigma))),
    Math.max(...kernels.map(({ mu, sigma }) => Math.exp(mu + 4 * sigma))),
  ];
}

/**
 * A grid between two durations with one point per 1 / `points` of probability, so that the resolution is where work
 * ends, however wide the range is, and with a few more points elsewhere.
 */
export function quantileGrid(
  cdf: (seconds: number) => number,
  [low, high]: readonly [number, number],
  points = defaultPoints,
): number[] {
  const ratio = (high / low) ** (1 / scanSteps);
  const grid = [low];
  let [lastTime, lastShare] = [low, cdf(low)];
  for (let step = 1; step <= scanSteps; step += 1) {
    const seconds = low * ratio ** step;
    const share = cdf(seconds);
    const isInBody = share > tail && share < 1 - tail;
    const parts = Math.ceil((share - lastShare) * points);
    if (parts <= 1 && seconds < lastTime * (isInBody ? stepInBody : stepInTail)) continue;
    for (let part = 1; part < parts; part += 1) grid.push(lastTime + ((seconds - lastTime) * part) / parts);
    grid.push(seconds);
    [lastTime, lastShare] = [seconds, share];
  }
  return grid;
}
