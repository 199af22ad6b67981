import { isUnbilled } from '../failure-details.ts';
import type { OrderEnd, Settlement, SettlementOutcome } from './budget.ts';

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

/** With further requests of the same order: one of which no cost is known may cost what was expected of the first. */
function costOf({ costUsd, priceUsd = 0, otherRequestIds = [], otherCostUsd }: OrderEnd): number | undefined {
  if (otherRequestIds.length === 0) return costUsd;
  return (costUsd ?? priceUsd) + (otherCostUsd ?? otherRequestIds.length * priceUsd);
}
