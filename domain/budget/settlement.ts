import { isUnbilled } from '../failure-details.ts';
import { withoutUndefined } from '../json.ts';
import type { OrderEnd, Settlement, SettlementOutcome } from './budget.ts';
import { toMicro, toUsd } from './money.ts';

/** What an order that has ended comes to. What may have been billed is never called unbilled. */
export function settlementOf(key: string, end: OrderEnd): Settlement {
  const costUsd = costOf(end);
  return { key, outcome: outcomeOf(end), ...(costUsd !== undefined && { costUsd }) };
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

function outcomeOf({ submission, phase, cancel }: OrderEnd): SettlementOutcome {
  if (phase === 'succeeded') return 'succeeded';
  if (isUnbilled(submission)) return submission === 'refused' ? 'refused' : 'not_submitted';
  if (submission === 'unknown') return 'unknown';
  if (phase === 'failed') return 'failed';
  // RunComfy stopped it, on our wish or on somebody else's: else it is only followed no longer.
  const isStopped = cancel === undefined ? phase === 'cancelled' : cancel.outcome === 'cancelled';
  return isStopped ? 'cancelled' : 'unknown';
}

/** What is known and what is presumed of the cost of an order and its further requests. */
export interface Bill {
  costUsd?: number;
  presumedUsd?: number;
  /** Neither cost nor price of some of it is known, or only the price. */
  isCostPartial?: true;
}

/** What an order that was sent more than once has cost: a further request of which no cost is known may cost what was expected of the first. */
export function billOf({
  costUsd,
  priceUsd = 0,
  otherRequestIds = [],
  otherCostUsd,
}: Pick<OrderEnd, 'costUsd' | 'priceUsd' | 'otherRequestIds' | 'otherCostUsd'>): Bill {
  if (otherRequestIds.length === 0) return withoutUndefined({ costUsd });
  const known = [costUsd, otherCostUsd].flatMap((cost) => (cost === undefined ? [] : toMicro(cost)));
  const open = (costUsd === undefined ? 1 : 0) + (otherCostUsd === undefined ? otherRequestIds.length : 0);
  return {
    ...(known.length > 0 && { costUsd: toUsd(known.reduce((sum, cost) => sum + cost, 0)) }),
    ...(open > 0 && { presumedUsd: toUsd(open * toMicro(priceUsd)), isCostPartial: true }),
  };
}

/** With further requests of the same order: one of which no cost is known may cost what was expected of the first. */
function costOf({ costUsd, priceUsd = 0, otherRequestIds = [], otherCostUsd }: OrderEnd): number | undefined {
  if (otherRequestIds.length === 0) return costUsd;
  return (costUsd ?? priceUsd) + (otherCostUsd ?? otherRequestIds.length * priceUsd);
}
