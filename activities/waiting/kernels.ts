/** An observed duration and its weight. */
export interface WeightedDuration {
  seconds: number;
  weight: number;
}

/** The distribution assumed before anything is observed: lognormals around a guess. */
export interface DurationPrior {
  medianSeconds: number;
  parts: readonly { timesMedian: number; sigma: number; weight: number }[];
  /** The number of observations that the prior counts as. */
  weight: number;
}

/** Normal distribution of log durations. */
export interface Kernel {
  mu: number;
  sigma: number;
  weight: number;
}

/** The kernels of a prior, shortest first. */
export function priorKernels({ medianSeconds, parts }: DurationPrior): Kernel[] {
  return parts
    .map(({ timesMedian, sigma, weight }) => ({ mu: Math.log(medianSeconds * timesMedian), sigma, weight }))
    .sort((a, b) => a.mu - b.mu);
}

const narrowestKernel = 0.01;
/** Width of kernels if there are only one or two observations, which say nothing about their spread. */
const widthOfFew = 0.3;

/** One kernel per observation, as wide as its neighbours are far away; shortest first. */
export function kernelsOf(observed: readonly WeightedDuration[]): Kernel[] {
  const kernels = observed
    .map(({ seconds, weight }) => ({ mu: Math.log(Math.max(0.001, seconds)), sigma: widthOfFew, weight }))
    .sort((a, b) => a.mu - b.mu);
  if (kernels.length < 3) return kernels;
  const neighbours = Math.ceil(Math.sqrt(kernels.length));
  return kernels.map((kernel, index) => ({
    ...kernel,
    sigma: Math.max(narrowestKernel, 0.5 * reach(kernels, index, neighbours)),
  }));
}

/** Distance of a kernel to the farthest of its `count` nearest neighbours. */
function reach(kernels: readonly Kernel[], index: number, count: number): number {
  const at = (position: number) => kernels[position]?.mu;
  const here = at(index) ?? 0;
  let [low, high, far] = [index - 1, index + 1, 0];
  for (let found = 0; found < count; found += 1) {
    const below = here - (at(low) ?? -Infinity);
    const above = (at(high) ?? Infinity) - here;
    if (Math.min(below, above) === Infinity) break;
    far = Math.min(below, above);
    if (below < above) low -= 1;
    else high += 1;
  }
  return far;
}

/** CDF of a mixture; computes only the kernels near the given point. */
export function mixtureCdf(kernels: readonly Kernel[]): (log: number) => number {
  const total = kernels.reduce((sum, { weight }) => sum + weight, 0);
  const widest = kernels.reduce((most, { sigma }) => Math.max(most, sigma), 0);
  const before = [0];
  for (const { weight } of kernels) before.push((before.at(-1) ?? 0) + weight / total);
  return (log) => {
    let index = countUntil(kernels.length, (i) => (kernels[i]?.mu ?? Infinity) < log - 5 * widest);
    let sum = before[index] ?? 0;
    for (; index < kernels.length; index += 1) {
      const { mu = 0, sigma = 1, weight = 0 } = kernels[index] ?? {};
      if (mu > log + 5 * widest) break;
      sum += (weight / total) * normalCdf((log - mu) / sigma);
    }
    return Math.min(1, sum);
  };
}

/** Standard normal CDF (Abramowitz and Stegun 7.1.26, absolute error below 1.5e-7). */
function normalCdf(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const erf = 1 - poly * Math.exp(-x * x);
  return z < 0 ? (1 - erf) / 2 : (1 + erf) / 2;
}

/**
 * Number of the first `count` indices for which a condition holds that holds up to some index and for none after it.
 */
export function countUntil(count: number, holds: (index: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
