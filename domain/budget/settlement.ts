import { isUnbilled } from '../failure-details.ts';
import { withoutUndefined } from '../json.ts';
import type { OrderEnd, Settlement, SettlementOutcome } from './budget.ts';
import { toMicro, toUsd } from './money.ts';

/** The settlement of an order that has ended. An order that may have been billed is never settled as unbilled. */
export function settlementOf(key: string, end: OrderEnd): Settlement {
  return { key, outcome: outcomeOf(end), ...costOf(end) };
}

/**
 * Like `settlementOf`, for an order of which no more news will come: if it may have been billed, it is presumed to be.
 */
export function finalSettlementOf(key: string, end: OrderEnd): Settlement {
  const settlement = settlementOf(key, end);
  return settlement.outcome === 'unknown' ? { ...settlement, outcome: 'failed' } : settlement;
}

/** The settlement of an order that may have been billed when nothing more can be learned. */
export function presumedSettlement(key: string): Settlement {
  return { key, outcome: 'failed' };
}

function outcomeOf(end: OrderEnd): SettlementOutcome {
  const { submission, phase } = end;
  if (phase === 'succeeded') return 'succeeded';
  if (isUnbilled(submission)) return submission === 'refused' ? 'refused' : 'not_submitted';
  if (submission === 'unknown') return 'unknown';
  if (phase === 'failed') return 'failed';
  return isStopped(end) && furtherCostsUnknown(end) === 0 ? 'cancelled' : 'unknown';
}

/**
 * Whether the generation itself says that RunComfy stopped the work, at our request or somebody else's. Otherwise it
 * may merely no longer be followed.
 */
export function isStopped({ phase, cancel }: Pick<OrderEnd, 'cancel'> & { phase?: string | undefined }): boolean {
  return cancel === undefined ? phase === 'cancelled' : cancel.outcome === 'cancelled';
}

/** The known and the presumed cost of an order and its further requests. */
export interface Bill {
  costUsd?: number;
  presumedUsd?: number;
  /** The cost of some part is unknown; at best its price is known. */
  isCostPartial?: true;
  /** Number of bills with neither cost nor price; `presumedUsd` includes nothing for them. */
  unpricedBills?: number;
}

type Sent = Pick<OrderEnd, 'costUsd' | 'priceUsd' | 'otherRequestIds' | 'otherCostUsd' | 'otherCostsUnknown'>;

/**
 * The cost of an order that was sent more than once. A further submit of unknown cost is presumed to cost the expected
 * price of the first. `isStopped`: RunComfy stopped the order's own request.
 */
export function billOf(sent: Sent & { isStopped?: boolean }): Bill {
  const { costUsd, priceUsd } = sent;
  if (!isSentAgain(sent)) return withoutUndefined({ costUsd });
  const known = knownCosts(sent);
  const open = (costUsd === undefined && !sent.isStopped ? 1 : 0) + furtherCostsUnknown(sent);
  return {
    ...(known.length > 0 && { costUsd: sumOf(known) }),
    ...(open > 0 && { presumedUsd: toUsd(open * toMicro(priceUsd ?? 0)), isCostPartial: true }),
    ...(open > 0 && priceUsd === undefined && { unpricedBills: open }),
  };
}

/**
 * The cost of an order including its further submits. Empty if no cost is known, or if part of it is unknown and there
 * is no price to presume.
 */
function costOf(end: OrderEnd): Pick<Settlement, 'costUsd' | 'presumedUsd'> {
  const { priceUsd } = end;
  const known = knownCosts(end);
  const open = (isOwnCostOpen(end) ? 1 : 0) + furtherCostsUnknown(end);
  if (open === 0) return known.length === 0 ? {} : { costUsd: sumOf(known) };
  if (priceUsd === undefined) return {};
  const presumed = open * toMicro(priceUsd);
  const presumedUsd = toUsd(presumed);
  return isSentAgain(end) ? { costUsd: sumOf([...known, presumed]), presumedUsd } : { presumedUsd };
}

function isOwnCostOpen(end: OrderEnd): boolean {
  const { costUsd, submission } = end;
  return costUsd === undefined && !isUnbilled(submission) && !(submission === 'accepted' && isStopped(end));
}

/** Whether a stopped order was billed all the same: it has a cost, or an earlier submit of it has or may have one. */
export function isBilledAllTheSame(sent: Sent): boolean {
  const { costUsd = 0, otherCostUsd = 0 } = sent;
  return costUsd > 0 || otherCostUsd > 0 || furtherCostsUnknown(sent) > 0;
}

function isSentAgain({ otherRequestIds = [], otherCostsUnknown = 0 }: Sent): boolean {
  return otherRequestIds.length > 0 || otherCostsUnknown > 0;
}

/** Number of further submits of unknown cost. If they were not counted, either the cost of all is known or of none. */
export function furtherCostsUnknown({ otherRequestIds = [], otherCostUsd, otherCostsUnknown }: Sent): number {
  return otherCostsUnknown ?? (otherCostUsd === undefined ? otherRequestIds.length : 0);
}

function knownCosts({ costUsd, otherCostUsd }: Sent): number[] {
  return [costUsd, otherCostUsd].flatMap((cost) => (cost === undefined ? [] : toMicro(cost)));
}

function sumOf(costs: number[]): number {
  return toUsd(costs.reduce((sum, cost) => sum + cost, 0));
}
