import { toMicro, toUsd } from '../budget/money.ts';
import { isUnbilled } from '../failure-details.ts';
import type { GenerationOutput, GenerationResult } from '../generation.ts';
import type { BatchLineError } from './batch.ts';

/** What earlier runs of an order have cost and the batch has counted, micro-dollars; kept beside its mark. */
export interface PaidBefore {
  paid?: number;
  /** What of it nobody has stated. */
  presumedPaid?: number;
  /** They may have cost more: of something that was billed neither cost nor price is known. */
  isPartial?: true;
}

/** What an order has cost, USD. */
export interface ItemFigures {
  requestId?: string;
  costUsd?: number;
  /** What may have been billed beside `costUsd`, where that is known so well. */
  presumedUsd?: number;
  priceUsd?: number;
  /** More may have been billed than `costUsd` and `presumedUsd`. */
  isCostPartial?: true;
  /** Bills that each may be as high as the item's price, beside `presumedUsd`. */
  unpricedBills?: number;
  /** It is of a run that no batch has started, which knows nothing of what earlier runs of the order have cost. */
  isByHand?: true;
  /** RunComfy stopped it, or was sent nothing: nothing was billed beside `costUsd` and `presumedUsd`. */
  isFree?: true;
}

/** What the order of an item has given. */
export interface ItemResult extends ItemFigures {
  output?: GenerationOutput;
  /** Those of a plan. */
  outputs?: Record<string, unknown>;
  timings?: GenerationResult['timings'];
  /** What of a pipeline has failed without failing the whole. */
  error?: BatchLineError;
}

/** How the order of an item failed. */
export interface ItemFailure extends ItemFigures {
  error: BatchLineError;
  /** The order met the limit of a budget, which others meet as well. */
  budget?: string;
}

/** How the order of an item has ended. */
export type ItemEnd = { result: ItemResult } | { failure: ItemFailure };

/** Whether something was billed, or may be: the end of an item may say `refused` of its last order alone. */
export function hasBills({ costUsd = 0, presumedUsd = 0, isCostPartial }: ItemFigures): boolean {
  return costUsd > 0 || presumedUsd > 0 || isCostPartial === true;
}

/**
 * The end with all that the item has cost before. A refusal knows of no order, and neither does Temporal where it keeps none
 * any more; and the last run of a key may be somebody else's, who knows nothing of those before.
 */
export function withPaid(end: ItemEnd, before: PaidBefore): ItemEnd {
  if ('result' in end) return { result: { ...end.result, ...withMissing(end.result, before, true) } };
  const { failure } = end;
  return { failure: { ...failure, ...withMissing(failure, before, !isUnbilled(failure.error.submission)) } };
}

function withMissing(told: ItemFigures, { paid = 0, presumedPaid = 0 }: PaidBefore, isOpen: boolean): ItemFigures {
  const { costUsd, presumedUsd = 0, isByHand } = told;
  if (paid === 0 || (costUsd !== undefined && !isByHand)) return {};
  return {
    costUsd: toUsd(toMicro(costUsd ?? 0) + paid - presumedPaid),
    ...(presumedPaid > 0 && { presumedUsd: toUsd(toMicro(presumedUsd) + presumedPaid) }),
    ...(costUsd === undefined && isOpen && { isCostPartial: true }),
  };
}
