import { modelKind } from '../../runcomfy/models/model-kind.ts';
import type { DurationPrior } from './duration-distribution.ts';

/**
 * What is believed of work that nothing is known of, seconds. Wide, so that a guess off by four costs about as much as fixed
 * or growing gaps would: `npm run bench:schedule` prints how much.
 */
const medians = { image: 23.08, video: 116.22, audio: 23.08, unknown: 31.04 } as const;

const parts: DurationPrior['parts'] = [
  { timesMedian: 0.3, weight: 0.288 },
  { timesMedian: 0.6, weight: 1.278 },
  { timesMedian: 1, weight: 0.347 },
  { timesMedian: 1.7, weight: 0.231 },
  { timesMedian: 3, weight: 0.134 },
  { timesMedian: 6, weight: 0.059 },
].map((part) => ({ ...part, sigma: 0.63 }));

/** Counts as half an observation. */
const weight = 0.5;

const priors = Object.fromEntries(
  Object.entries(medians).map(([kind, medianSeconds]) => [kind, { medianSeconds, parts, weight }]),
) as Record<keyof typeof medians, DurationPrior>;

/** The prior of a model's kind of output. */
export function priorOf(model: string): DurationPrior {
  return priors[modelKind(model) ?? 'unknown'];
}
