import { toMicro, toUsd } from '../budget/money.ts';
import { isUnbilled } from '../failure-details.ts';
import type { GenerationOutput, GenerationResult } from '../generation.ts';
import type { BatchLineError } from './batch.ts';

/**
 * What earlier runs of an order cost and the batch has counted, in micro-dollars; kept next to the order's item mark.
 */
export interface PaidBefore {
  paid?: number;
  /** The presumed part of `paid`. */
  presumedPaid?: number;
  /** They may have cost more: neither cost nor price is known of something that was billed. */
  isPartial?: true;
}

/** What an order cost, in USD. */
export interface ItemFigures {
  requestId?: string;
  costUsd?: number;
  /** What may have been billed in addition to `costUsd`, if the amount can be presumed. */
  presumedUsd?: number;
  priceUsd?: number;
  /** More may have been billed than `costUsd` and `presumedUsd`. */
  isCostPartial?: true;
  /** Number of bills that may each be as high as the item's price, in addition to `presumedUsd`. */
  unpricedBills?: number;
  /** The figures come from a run that no batch started, so they leave out what earlier runs of the order cost. */
  isByHand?: true;
  /** RunComfy stopped it or never received it, so nothing was billed besides `costUsd` and `presumedUsd`. */
  isFree?: true;
}

/** The result of an item's order. */
export interface ItemResult extends ItemFigures {
  output?: GenerationOutput;
  /** The outputs of a plan. */
  outputs?: Record<string, unknown>;
  timings?: GenerationResult['timings'];
  /** What failed in a pipeline that did not fail as a whole. */
  error?: BatchLineError;
}

/** How the order of an item failed. */
export interface ItemFailure extends ItemFigures {
  error: BatchLineError;
  /** The budget whose limit the order met; other orders will meet it as well. */
  budget?: string;
}

/** How the order of an item has ended. */
export type ItemEnd = { result: ItemResult } | { failure: ItemFailure };

/** Whether something was or may have been billed. The end of an item may say `refused` and mean only its last order. */
export function hasBills({ costUsd = 0, presumedUsd = 0, isCostPartial }: ItemFigures): boolean {
  return costUsd > 0 || presumedUsd > 0 || isCostPartial === true;
}

/**
 * Adds what earlier runs of the item's order cost where the end leaves that out: a refusal knows of no run, Temporal
 * may no longer keep them, and the last run of the key may have been started by somebody else.
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
