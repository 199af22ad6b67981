import { modelKind } from '../../runcomfy/models/model-kind.ts';
import type { DurationPrior } from './duration-distribution.ts';

const timesMedian = [0.25, 0.35, 0.5, 0.7, 1, 1.4, 2, 2.8, 4, 8];

/**
 * Lognormals around a guess of the median. Their weights are no shares of a belief: shorter work counts for more, so that
 * the plan costs little more than fixed or growing gaps would wherever between half and twice the guess the true median
 * lies. `npm run bench:schedule` prints how much.
 */
function around(medianSeconds: number, sigma: number, weights: readonly number[]): DurationPrior {
  const parts = timesMedian.map((times, index) => ({ timesMedian: times, weight: weights[index] ?? 0, sigma }));
  return { medianSeconds, parts, weight: 0.5 };
}

const short = around(25.5, 0.231, [0.097, 0.033, 1.338, 6.896, 0.599, 1.996, 1.659, 0.406, 0.358, 0.041]);
const long = around(134, 0.289, [0.427, 0.641, 0.996, 0.784, 0.156, 0.981, 0.161, 0.249, 0.156, 0.002]);

/** What is believed of work of a kind of output that nothing is known of. */
const priors = { image: short, video: long, audio: short, unknown: short } as const;

/** The prior of a model's kind of output. */
export function priorOf(model: string): DurationPrior {
  return priors[modelKind(model) ?? 'unknown'];
}
