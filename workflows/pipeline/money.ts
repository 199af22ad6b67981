import { patched, workflowInfo } from '@temporalio/workflow';
import { toNearestMicro, toUsd } from '../../domain/budget/money.ts';
import { isUnbilled } from '../../domain/failure-details.ts';
import { isJsonObject, withoutUndefined } from '../../domain/json.ts';
import { batchItemMemoKey } from '../../domain/names.ts';
import type { StepFailure } from '../../domain/pipeline/pipeline-run.ts';
import { type Pipeline, planOf } from './memory.ts';

/** Why an order of this price may not be made under the pipeline's `maxCostUsd`; undefined if it may. */
export function refusalByCost(pipeline: Pipeline, priceUsd: number | undefined): StepFailure | undefined {
  const { request, money } = pipeline;
  const { maxCostUsd } = request;
  if (maxCostUsd === undefined) return undefined;
  if (priceUsd === undefined) {
    const message = 'its price is not known, and the pipeline has a maxCostUsd: give the step a maxPriceUsd';
    return { type: 'PriceUnknown', message, submission: 'not_sent' };
  }
  const taken = takenBefore(pipeline) + money.spent + money.presumed + money.reserved;
  if (taken + toNearestMicro(priceUsd) <= toNearestMicro(maxCostUsd)) return undefined;
  const message = `its price of ${String(priceUsd)} USD and the ${String(toUsd(taken))} USD spent or reserved exceed the maxCostUsd of ${String(maxCostUsd)}`;
  return { type: 'BudgetExceeded', message, submission: 'not_sent' };
}

/**
 * What the item of a batch had cost before it was given back, in micro-dollars: it counts against the limit of this run
 * as well.
 */
function takenBefore(pipeline: Pipeline): number {
  const mark = workflowInfo().memo?.[batchItemMemoKey];
  const paid = isJsonObject(mark) ? mark['paid'] : undefined;
  if (typeof paid !== 'number') return 0;
  // `patched` must not be called for the first time after a local activity, which is possible if the plan is not
  // steady.
  return planOf(pipeline).isSteady === true && patched('what-was-paid-before-is-within-the-limit') ? paid : 0;
}

export function reserve(pipeline: Pipeline, priceUsd: number | undefined): void {
  pipeline.money.reserved += toNearestMicro(priceUsd ?? 0);
  tell(pipeline);
}

/** Frees the reservation of an order that has ended and whose cost is counted elsewhere. */
export function giveBack(pipeline: Pipeline, priceUsd: number | undefined): void {
  pipeline.money.reserved -= toNearestMicro(priceUsd ?? 0);
  tell(pipeline);
}

/**
 * Whether RunComfy stopped an order, according to the order itself: on our cancel, or on somebody else's, of which the
 * order has no cancel.
 */
export function wasStopped({ type, submission, cancel }: StepFailure): boolean {
  return (
    cancel === 'cancelled' || (cancel === undefined && type === 'GenerationCancelled' && submission === 'accepted')
  );
}

/**
 * Settles an order that has ended. Its cost is spent; if it does not state one, its price is presumed unless it
 * provably cost nothing.
 */
export function settle(
  pipeline: Pipeline,
  priceUsd: number | undefined,
  end: {
    costUsd?: number | undefined;
    presumedUsd?: number | undefined;
    failure?: StepFailure | undefined;
    isStopped?: boolean;
  },
): void {
  const { money } = pipeline;
  money.reserved -= toNearestMicro(priceUsd ?? 0);
  money.spent += toNearestMicro(end.costUsd ?? 0);
  // If an order was sent more than once, some of its cost may be known and the rest unknown.
  const isOpen = end.costUsd === undefined && !end.isStopped && !isSurelyUnbilled(end.failure);
  if (isOpen || end.presumedUsd !== undefined) {
    if (priceUsd === undefined) money.unpriced = (money.unpriced ?? 0) + 1;
    else money.presumed += toNearestMicro(end.presumedUsd ?? priceUsd);
  }
  tell(pipeline);
}

function isSurelyUnbilled(failure: StepFailure | undefined): boolean {
  return failure !== undefined && (isUnbilled(failure.submission) || failure.cancel === 'cancelled');
}

/** What may have been billed in addition to the known cost. */
export function openMoney({ state: { presumedUsd }, money: { unpriced } }: Pipeline) {
  return withoutUndefined({ presumedUsd, unpriced });
}

function tell({ state, money }: Pipeline): void {
  state.costUsd = toUsd(money.spent);
  if (money.presumed > 0) state.presumedUsd = toUsd(money.presumed);
  state.reservedUsd = toUsd(money.reserved);
}
