import { toNearestMicro, toUsd } from '../../domain/budget/money.ts';
import { isUnbilled } from '../../domain/failure-details.ts';
import { withoutUndefined } from '../../domain/json.ts';
import type { StepFailure } from '../../domain/pipeline/pipeline-run.ts';
import type { Pipeline } from './memory.ts';

/** Why an order of this price is not made under the pipeline's `maxCostUsd`; undefined: it may be. */
export function refusalByCost({ request, money }: Pipeline, priceUsd: number | undefined): StepFailure | undefined {
  const { maxCostUsd } = request;
  if (maxCostUsd === undefined) return undefined;
  if (priceUsd === undefined) {
    const message = 'its price is not known, and the pipeline has a maxCostUsd: give the step a maxPriceUsd';
    return { type: 'PriceUnknown', message, submission: 'not_sent' };
  }
  const taken = money.spent + money.presumed + money.reserved;
  if (taken + toNearestMicro(priceUsd) <= toNearestMicro(maxCostUsd)) return undefined;
  const message = `its price of ${String(priceUsd)} USD and the ${String(toUsd(taken))} USD spent or reserved exceed the maxCostUsd of ${String(maxCostUsd)}`;
  return { type: 'BudgetExceeded', message, submission: 'not_sent' };
}

export function reserve(pipeline: Pipeline, priceUsd: number | undefined): void {
  pipeline.money.reserved += toNearestMicro(priceUsd ?? 0);
  tell(pipeline);
}

/** An order has ended, and what it cost is counted elsewhere. */
export function giveBack(pipeline: Pipeline, priceUsd: number | undefined): void {
  pipeline.money.reserved -= toNearestMicro(priceUsd ?? 0);
  tell(pipeline);
}

/** RunComfy stopped it, by the order's own word: on our wish, or on somebody else's, of which there is no cancel. */
export function wasStopped({ type, submission, cancel }: StepFailure): boolean {
  return (
    cancel === 'cancelled' || (cancel === undefined && type === 'GenerationCancelled' && submission === 'accepted')
  );
}

/** An order has ended: what it cost is spent; where it does not say, its price is presumed unless it provably cost nothing. */
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
  // Of an order that was sent more than once some may be known, and the rest not.
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

/** What may have been billed beside what is known. */
export function openMoney({ state: { presumedUsd }, money: { unpriced } }: Pipeline) {
  return withoutUndefined({ presumedUsd, unpriced });
}

function tell({ state, money }: Pipeline): void {
  state.costUsd = toUsd(money.spent);
  if (money.presumed > 0) state.presumedUsd = toUsd(money.presumed);
  state.reservedUsd = toUsd(money.reserved);
}
