import { modelKind } from '../../runcomfy/models/model-kind.ts';
import type { DurationPrior } from './duration-distribution.ts';

/**
 * What is believed of work that nothing is known of, seconds. Wide enough that a guess off by four costs no more than
 * fixed or growing gaps would; `npm run bench:schedule` prints what it costs.
 */
const medians = { image: 25, video: 100, audio: 25, unknown: 33 } as const;

const parts: DurationPrior['parts'] = [
  { timesMedian: 0.3, weight: 0.12 },
  { timesMedian: 0.6, weight: 0.45 },
  { timesMedian: 1, weight: 0.12 },
  { timesMedian: 1.7, weight: 0.17 },
  { timesMedian: 3, weight: 0.11 },
  { timesMedian: 6, weight: 0.03 },
].map((part) => ({ ...part, sigma: 0.32 }));

/** Counts as half an observation. */
const weight = 0.5;

const priors = Object.fromEntries(
  Object.entries(medians).map(([kind, medianSeconds]) => [kind, { medianSeconds, parts, weight }]),
) as Record<keyof typeof medians, DurationPrior>;

/** The prior of a model's kind of output. */
export function priorOf(model: string): DurationPrior {
  return priors[modelKind(model) ?? 'unknown'];
}
