import type { BatchLineError } from '../../domain/batch/batch.ts';
import { toNearestMicro, toUsd } from '../../domain/budget/money.ts';
import { isUnbilled } from '../../domain/failure-details.ts';
import { withoutUndefined } from '../../domain/json.ts';
import type { PipelineResult, StepSummary } from '../../domain/pipeline/pipeline-run.ts';

type Figures = Pick<PipelineResult, 'steps' | 'costUsd' | 'presumedUsd' | 'unpriced'>;

/** What a pipeline presumes covers every order that has ended, each item and each attempt; what is still open it cannot. */
export function figuresOf({ steps, costUsd, presumedUsd, unpriced = 0 }: Figures, paid: number) {
  const isTold = presumedUsd !== undefined || unpriced > 0;
  const isOpen = unpriced > 0 || Object.values(steps).some((step) => isUnderWay(step) || (!isTold && isCostOpen(step)));
  return {
    costUsd: toUsd(toNearestMicro(costUsd) + paid),
    ...withoutUndefined({ presumedUsd }),
    ...(isOpen && { isCostPartial: true as const }),
  };
}

/** An order that a cancelled pipeline waits for no more may be billed yet. */
function isUnderWay({ phase }: StepSummary): boolean {
  return phase === 'ordered';
}

/** Whether a step may have cost what nobody has told; also told of pipelines of earlier versions, which name no presumed cost. */
function isCostOpen({ phase, key, output, costUsd, reused, submission, cancel }: StepSummary): boolean {
  // A step with `forEach` has no key of its own; an approval has neither.
  if (costUsd !== undefined || reused === true || cancel === 'cancelled' || (key === undefined && output === undefined))
    return false;
  if (phase === 'failed' || phase === 'cancelled') return submission !== undefined && !isUnbilled(submission);
  return phase === 'succeeded';
}

/** The worst that is known of what the steps have sent. */
export function worstOf(steps: Record<string, StepSummary>): NonNullable<BatchLineError['submission']> {
  const submissions = Object.values(steps).map((step) => {
    if (isUnderWay(step)) return 'unknown';
    return step.phase === 'succeeded' ? 'accepted' : step.submission;
  });
  if (submissions.includes('unknown')) return 'unknown';
  return submissions.includes('accepted') ? 'accepted' : 'not_sent';
}
