import type { PaidBefore } from '../../domain/batch/item-end.ts';
import { toNearestMicro, toUsd } from '../../domain/budget/money.ts';
import { isUnbilled } from '../../domain/failure-details.ts';
import type { Submission } from '../../domain/generation.ts';
import type { PipelineResult, StepSummary } from '../../domain/pipeline/pipeline-run.ts';

type Figures = Pick<PipelineResult, 'steps' | 'costUsd' | 'presumedUsd' | 'unpriced'>;

/**
 * The cost of a pipeline, plus what earlier runs of it have cost. `presumedUsd` of a pipeline covers every order that
 * has ended; orders that are still open make the cost partial.
 */
export function figuresOf(
  { steps, costUsd, presumedUsd, unpriced = 0 }: Figures,
  { paid = 0, presumedPaid = 0, isPartial }: PaidBefore = {},
) {
  const isTold = presumedUsd !== undefined || unpriced > 0;
  const isOpen = unpriced > 0 || Object.values(steps).some((step) => isUnderWay(step) || (!isTold && isCostOpen(step)));
  return {
    costUsd: toUsd(toNearestMicro(costUsd) + paid - presumedPaid),
    ...((presumedUsd !== undefined || presumedPaid > 0) && {
      presumedUsd: toUsd(toNearestMicro(presumedUsd ?? 0) + presumedPaid),
    }),
    ...((isOpen || isPartial) && { isCostPartial: true as const }),
  };
}

/** An order that a cancelled pipeline no longer waits for may still be billed. */
function isUnderWay({ phase }: StepSummary): boolean {
  return phase === 'ordered';
}

/**
 * Whether a step may have cost an amount that nobody reported. Needed for pipelines of earlier versions, which report
 * no presumed cost.
 */
function isCostOpen({ phase, key, output, costUsd, reused, submission, cancel }: StepSummary): boolean {
  // A step with `forEach` has no key of its own, nor has an approval.
  if (costUsd !== undefined || reused === true || cancel === 'cancelled' || (key === undefined && output === undefined))
    return false;
  if (phase === 'failed' || phase === 'cancelled') return submission !== undefined && !isUnbilled(submission);
  return phase === 'succeeded';
}

/** Submissions, worst first. */
const worstFirst: readonly Submission[] = ['unknown', 'accepted', 'refused', 'not_sent'];

/** The worst submission among the steps; `said` is the one that the pipeline's failure reports. */
export function worstOf(steps: Record<string, StepSummary>, said: Submission = 'not_sent'): Submission {
  const known = [said, ...Object.values(steps).map(submissionOf)];
  return worstFirst.find((submission) => known.includes(submission)) ?? 'not_sent';
}

function submissionOf(step: StepSummary): Submission | undefined {
  if (isUnderWay(step)) return 'unknown';
  const { phase, key, output, costUsd, submission } = step;
  // An approval orders nothing: it has neither a key nor the output files of a fan-out.
  if (submission === 'unknown' || (key === undefined && output === undefined)) return submission;
  // Some items of a step with `forEach` may have succeeded, however the step ended.
  const isMade = costUsd !== undefined || Object.values<string[]>({ ...output }).some((files) => files.length > 0);
  return phase === 'succeeded' || isMade ? 'accepted' : submission;
}
