import { modelKind } from '../../runcomfy/models/model-kind.ts';
import type { DurationPrior } from './kernels.ts';

/**
 * Lognormals around a guess of the median, each as [times the median, weight]. The weights are no beliefs but were
 * found by random search: wherever the true median lies between half and twice the guess, the plan costs on average a
 * little less than the better of fixed and growing gaps. In the worst case, work of a known length whose reads are
 * expensive, it costs a third more. `npm run bench:schedule` prints the figures.
 */
function around(medianSeconds: number, sigma: number, parts: readonly (readonly [number, number])[]): DurationPrior {
  return { medianSeconds, parts: parts.map(([timesMedian, weight]) => ({ timesMedian, sigma, weight })), weight: 0.5 };
}

const short = around(25.5, 0.144, [
  [0.25, 0.343],
  [0.35, 0.587],
  [0.42, 0.0806],
  [0.5, 0.594],
  [0.6, 1.96],
  [0.7, 1.94],
  [0.84, 1.3],
  [1, 1.85],
  [1.2, 0.555],
  [1.4, 1.5],
  [1.7, 1.77],
  [2, 1.09],
  [2.4, 0.697],
  [2.8, 0.21],
  [3.4, 0.218],
  [4, 0.266],
  [8, 0.0852],
]);
const long = around(134, 0.289, [
  [0.25, 0.427],
  [0.35, 0.641],
  [0.5, 0.996],
  [0.7, 0.784],
  [1, 0.156],
  [1.4, 0.981],
  [2, 0.161],
  [2.8, 0.249],
  [4, 0.156],
  [8, 0.002],
]);

/** The priors by kind of output, for work of which nothing is known. */
const priors = { image: short, video: long, audio: short, unknown: short } as const;

/** The prior of a model's kind of output. */
export function priorOf(model: string): DurationPrior {
  return priors[modelKind(model) ?? 'unknown'];
}
