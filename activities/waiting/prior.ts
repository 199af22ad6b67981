import { modelKind } from '../../runcomfy/models/model-kind.ts';
import type { DurationPrior } from './kernels.ts';

/**
 * Lognormals around a guess of the median, each as [times the median, weight]. The weights are no shares of a belief: they
 * are chosen so that the plan costs little more than fixed or growing gaps would wherever between half and twice the guess
 * the true median lies. `npm run bench:schedule` prints how much.
 */
function around(medianSeconds: number, sigma: number, parts: readonly (readonly [number, number])[]): DurationPrior {
  return { medianSeconds, parts: parts.map(([timesMedian, weight]) => ({ timesMedian, sigma, weight })), weight: 0.5 };
}

const short = around(25.5, 0.133, [
  [0.25, 0.169],
  [0.35, 0.111],
  [0.42, 0.031],
  [0.5, 0.352],
  [0.6, 6.367],
  [0.7, 1.539],
  [0.84, 0.812],
  [1, 1.888],
  [1.2, 0.821],
  [1.4, 1.335],
  [1.7, 1.037],
  [2, 0.775],
  [2.4, 0.697],
  [2.8, 0.091],
  [3.4, 0.356],
  [4, 0.256],
  [8, 0.071],
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

/** What is believed of work of a kind of output that nothing is known of. */
const priors = { image: short, video: long, audio: short, unknown: short } as const;

/** The prior of a model's kind of output. */
export function priorOf(model: string): DurationPrior {
  return priors[modelKind(model) ?? 'unknown'];
}
