/** A distribution of durations in seconds, tabulated on an increasing grid. */
export interface DurationDistribution {
  /** Grid, seconds; the first is 0. */
  times: Float64Array;
  /** P(T ≤ time). */
  cdf: Float64Array;
  /** E[T; T ≤ time], seconds. */
  moment: Float64Array;
  /** 99 % of what was observed lies below, seconds: what comes later has not been seen before. */
  learnedUntil: number;
}

/** A duration that was observed, and how much it counts. */
export interface WeightedDuration {
  seconds: number;
  weight: number;
}

/** What is believed before anything is observed: lognormal. */
export interface DurationPrior {
  medianSeconds: number;
  /** Standard deviation of the logarithm. */
  sigma: number;
  /** How many observations it counts as. */
  weight: number;
}

const gridPoints = 320;
const tail = 0.0005;

/**
 * Mixture of the prior and one lognormal kernel for each observation: no shape is assumed, so two humps (cold starts) and
 * heavy tails are kept. The kernels' width shrinks with the number of observations (Silverman's rule on log durations).
 */
export function estimateDurations(observed: readonly WeightedDuration[], prior: DurationPrior): DurationDistribution {
  const components = componentsOf(observed, prior);
  const cdf = (seconds: number) => mixtureCdf(components, Math.log(seconds));
  const grid = quantileGrid(cdf, components);
  return { ...tabulate(cdf, grid), learnedUntil: observedQuantile(components.slice(1), grid, 0.99) };
}

function observedQuantile(kernels: readonly Component[], grid: readonly number[], probability: number): number {
  const total = kernels.reduce((sum, { weight }) => sum + weight, 0);
  return grid.find((seconds) => mixtureCdf(kernels, Math.log(seconds)) >= probability * total) ?? 0;
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
  return { ...body, learnedUntil: quantileOf(body, 0.99) };
}

/** Smallest duration that is not exceeded with this probability. */
export function quantileOf({ times, cdf }: Pick<DurationDistribution, 'times' | 'cdf'>, probability: number): number {
  let low = 0;
  let high = times.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((cdf[middle] ?? 1) < probability) low = middle + 1;
    else high = middle;
  }
  return times[low] ?? 0;
}

interface Component {
  mu: number;
  sigma: number;
  weight: number;
}

function componentsOf(observed: readonly WeightedDuration[], prior: DurationPrior): Component[] {
  const total = observed.reduce((sum, { weight }) => sum + weight, 0);
  const own = { mu: Math.log(prior.medianSeconds), sigma: prior.sigma, weight: prior.weight / (total + prior.weight) };
  if (observed.length === 0) return [own];
  const logs = observed.map(({ seconds, weight }) => ({ log: Math.log(Math.max(0.001, seconds)), weight }));
  const width = kernelWidth(logs, total);
  return [own, ...logs.map(({ log, weight }) => ({ mu: log, sigma: width, weight: weight / (total + prior.weight) }))];
}

const narrowestKernel = 0.01;
const kernelFactor = 0.6;

function kernelWidth(logs: { log: number; weight: number }[], total: number): number {
  const sorted = [...logs].sort((a, b) => a.log - b.log);
  const mean = logs.reduce((sum, { log, weight }) => sum + log * weight, 0) / total;
  const variance = logs.reduce((sum, { log, weight }) => sum + weight * (log - mean) ** 2, 0) / total;
  const at = (share: number) => {
    let sum = 0;
    for (const { log, weight } of sorted) {
      sum += weight;
      if (sum >= share * total) return log;
    }
    return sorted.at(-1)?.log ?? 0;
  };
  const spread = Math.min(Math.sqrt(variance), (at(0.75) - at(0.25)) / 1.34 || Infinity);
  const effective = total ** 2 / logs.reduce((sum, { weight }) => sum + weight ** 2, 0);
  // One or two observations say nothing about their spread.
  const floor = effective < 3 ? 0.3 : narrowestKernel;
  return Math.max(floor, kernelFactor * spread * effective ** -0.2);
}

function mixtureCdf(components: readonly Component[], log: number): number {
  let sum = 0;
  for (const { mu, sigma, weight } of components) sum += weight * normalCdf((log - mu) / sigma);
  return Math.min(1, sum);
}

/** Points of equal probability in the body, so that resolution is where the work ends; a few more in the tails. */
function quantileGrid(cdf: (seconds: number) => number, components: readonly Component[]): number[] {
  let low = Infinity;
  let high = 0;
  for (const { mu, sigma } of components) {
    low = Math.min(low, Math.exp(mu - 4 * sigma));
    high = Math.max(high, Math.exp(mu + 4 * sigma));
  }
  const steps = 4 * gridPoints;
  const ratio = (high / low) ** (1 / steps);
  const grid: number[] = [];
  let lastShare = -Infinity;
  let seconds = low;
  let lastTime = 0;
  for (let step = 0; step <= steps; step += 1) {
    const share = cdf(seconds);
    const isInBody = share > tail && share < 1 - tail;
    const isDue = share - lastShare >= 1 / gridPoints || seconds >= lastTime * (isInBody ? 1.012 : 1.1);
    if (isDue) {
      grid.push(seconds);
      lastShare = share;
      lastTime = seconds;
    }
    seconds *= ratio;
  }
  return grid;
}

/** Standard normal CDF (Abramowitz and Stegun 7.1.26, absolute error below 1.5e-7). */
function normalCdf(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const erf = 1 - poly * Math.exp(-x * x);
  return z < 0 ? (1 - erf) / 2 : (1 + erf) / 2;
}
