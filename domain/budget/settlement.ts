import { isUnbilled } from '../failure-details.ts';
import { withoutUndefined } from '../json.ts';
import type { OrderEnd, Settlement, SettlementOutcome } from './budget.ts';
import { toMicro, toUsd } from './money.ts';

/** What an order that has ended comes to. What may have been billed is never called unbilled. */
export function settlementOf(key: string, end: OrderEnd): Settlement {
  return { key, outcome: outcomeOf(end), ...costOf(end) };
}

/** The same for an order of which nothing more will be heard: what may have been billed is presumed to be. */
export function finalSettlementOf(key: string, end: OrderEnd): Settlement {
  const settlement = settlementOf(key, end);
  return settlement.outcome === 'unknown' ? { ...settlement, outcome: 'failed' } : settlement;
}

/** What is presumed of an order that may have been billed, and of which nobody can say more. */
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

/** RunComfy stopped it, on our wish or on somebody else's, by the generation's own word: else it is only followed no longer. */
export function isStopped({ phase, cancel }: Pick<OrderEnd, 'cancel'> & { phase?: string | undefined }): boolean {
  return cancel === undefined ? phase === 'cancelled' : cancel.outcome === 'cancelled';
}

/** What is known and what is presumed of the cost of an order and its further requests. */
export interface Bill {
  costUsd?: number;
  presumedUsd?: number;
  /** Neither cost nor price of some of it is known, or only the price. */
  isCostPartial?: true;
  /** How many of its bills have neither: `presumedUsd` holds nothing of them. */
  unpricedBills?: number;
}

type Sent = Pick<OrderEnd, 'costUsd' | 'priceUsd' | 'otherRequestIds' | 'otherCostUsd' | 'otherCostsUnknown'>;

/**
 * What an order that was sent more than once has cost: a further submit of which no cost is known may cost what was expected
 * of the first. `isStopped`: RunComfy stopped its own request.
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

/** With the further submits of the same order; nothing where no cost is known, or something of it is not, and no price to presume. */
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

/** Whether what was stopped has a cost, or an earlier submit of the same order has one, or may have. */
export function isBilledAllTheSame(sent: Sent): boolean {
  const { costUsd = 0, otherCostUsd = 0 } = sent;
  return costUsd > 0 || otherCostUsd > 0 || furtherCostsUnknown(sent) > 0;
}

function isSentAgain({ otherRequestIds = [], otherCostsUnknown = 0 }: Sent): boolean {
  return otherRequestIds.length > 0 || otherCostsUnknown > 0;
}

/** Of how many further submits no cost is known. Where they were not counted, the cost of all is known or of none. */
export function furtherCostsUnknown({ otherRequestIds = [], otherCostUsd, otherCostsUnknown }: Sent): number {
  return otherCostsUnknown ?? (otherCostUsd === undefined ? otherRequestIds.length : 0);
}

function knownCosts({ costUsd, otherCostUsd }: Sent): number[] {
  return [costUsd, otherCostUsd].flatMap((cost) => (cost === undefined ? [] : toMicro(cost)));
}

function sumOf(costs: number[]): number {
  return toUsd(costs.reduce((sum, cost) => sum + cost, 0));
}
