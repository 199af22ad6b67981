import type { OrderEnd } from './budget/budget.ts';
import { toMicro, toUsd } from './budget/money.ts';
import { furtherCostsUnknown, settlementOf } from './budget/settlement.ts';

/**
 * How well the cost of one RunComfy request is known: `priced` by RunComfy itself, `free` because it provably cost
 * nothing, `presumed` at its expected price, `open` while it goes on, `unknown` if it may have cost an amount that
 * nobody stated.
 */
export type CostKind = 'priced' | 'free' | 'presumed' | 'open' | 'unknown';

/** If two runs followed the same request, the entry with the higher rank is counted. */
const ranks: Record<CostKind, number> = { priced: 4, free: 3, presumed: 2, open: 1, unknown: 0 };

/** One run that followed a request. */
export interface CostEntry {
  /** Undefined if unknown: the entry then counts as a request of its own. */
  requestId: string | undefined;
  /** What costs are grouped by: a model, a day or the value of a label. */
  group: string;
  kind: CostKind;
  /** Micro-dollars; 0 if unknown. */
  cost: number;
}

/** What the requests of one group have cost, in USD. */
export interface CostRow {
  group: string;
  requests: number;
  /** Sum of the costs that RunComfy stated. */
  costUsd: number;
  /** Number of requests in `costUsd`. */
  priced: number;
  /** Sum of the expected prices of requests that may have been billed and whose cost nobody stated. */
  presumedUsd: number;
  /** Number of requests in `presumedUsd`. */
  presumed: number;
  /** Number of requests that provably cost nothing. */
  free: number;
  /** Number of requests that may have cost an amount that nobody stated. */
  unknown: number;
  /** Requests that go on. */
  open: number;
}

/** What orders have cost. */
export interface CostReport {
  /** `model`, `day` (UTC, of the start) or `label:<name>`. */
  by: string;
  currency: 'USD';
  /** ISO 8601. */
  since?: string;
  until?: string;
  /** Most expensive first; days in chronological order. */
  rows: CostRow[];
  total: Omit<CostRow, 'group'>;
}

/** This many requests take at most 100 MB of memory. */
export const maxCostEntries = 500_000;

/** Adds up the costs of requests, counting each request once. */
export interface CostTally {
  /** Returns false if there is no room for another request. */
  add: (entry: CostEntry) => boolean;
  rows: () => CostRow[];
  total: () => Omit<CostRow, 'group'>;
}

/** Creates a tally with room for the given number of requests. */
export function createCostTally(room = maxCostEntries): CostTally {
  const known = new Map<string, CostEntry>();
  const nameless: CostEntry[] = [];
  const add = (entry: CostEntry): boolean => {
    const { requestId } = entry;
    const former = requestId === undefined ? undefined : known.get(requestId);
    if (former && ranks[former.kind] >= ranks[entry.kind]) return true;
    if (!former && known.size + nameless.length >= room) return false;
    if (requestId === undefined) nameless.push(entry);
    else known.set(requestId, entry);
    return true;
  };
  const sums = () => {
    const groups = new Map<string, Sum>();
    const all = emptySum();
    for (const entries of [known.values(), nameless]) {
      for (const entry of entries) {
        const group = groups.get(entry.group) ?? emptySum();
        groups.set(entry.group, group);
        count(group, entry);
        count(all, entry);
      }
    }
    return { groups, all };
  };
  return {
    add,
    rows: () => [...sums().groups].map(([group, sum]) => ({ group, ...rowOf(sum) })),
    total: () => rowOf(sums().all),
  };
}

/** What is known of the cost of one request: an entry without its group. */
type Told = Omit<CostEntry, 'group'>;

/**
 * The costs that follow from the end of an order: that of its own request first, then those of its other submits, which
 * have no request id unless it is certain. Empty: RunComfy never accepted the order.
 */
export function costsOfEnd(requestId: string | undefined, end: OrderEnd): Told[] {
  const { otherRequestIds = [], otherCostUsd, priceUsd } = end;
  const unknown = furtherCostsUnknown(end);
  const name = otherRequestIds.length === 1 ? otherRequestIds[0] : undefined;
  const told = ownCostOf(requestId, end);
  if (otherCostUsd !== undefined) {
    told.push({ requestId: name, kind: otherCostUsd > 0 ? 'priced' : 'free', cost: toMicro(otherCostUsd) });
  }
  const isOfNamed = otherCostUsd === undefined && unknown === 1;
  for (let nth = 0; nth < unknown; nth += 1) {
    told.push({ requestId: isOfNamed ? name : undefined, ...presumedCost(priceUsd) });
  }
  return told;
}

function ownCostOf(requestId: string | undefined, end: OrderEnd): Told[] {
  if (end.costUsd !== undefined) return [{ requestId, kind: 'priced', cost: toMicro(end.costUsd) }];
  const others = { otherRequestIds: undefined, otherCostUsd: undefined, otherCostsUnknown: undefined };
  const { outcome, presumedUsd } = settlementOf('', { ...end, ...others });
  switch (outcome) {
    case 'refused':
    case 'not_submitted':
      return [];
    case 'cancelled':
      return [{ requestId, kind: 'free', cost: 0 }];
    case 'succeeded':
    case 'failed':
    case 'unknown':
      return [{ requestId, ...presumedCost(presumedUsd) }];
  }
}

function presumedCost(presumedUsd: number | undefined): Pick<CostEntry, 'kind' | 'cost'> {
  return presumedUsd === undefined ? { kind: 'unknown', cost: 0 } : { kind: 'presumed', cost: toMicro(presumedUsd) };
}

interface Sum extends Record<CostKind, number> {
  cost: number;
  presumedCost: number;
}

function emptySum(): Sum {
  return { priced: 0, free: 0, presumed: 0, open: 0, unknown: 0, cost: 0, presumedCost: 0 };
}

function count(sum: Sum, { kind, cost }: CostEntry): void {
  sum[kind] += 1;
  if (kind === 'priced') sum.cost += cost;
  if (kind === 'presumed') sum.presumedCost += cost;
}

function rowOf({ priced, free, presumed, open, unknown, cost, presumedCost }: Sum): Omit<CostRow, 'group'> {
  return {
    requests: priced + free + presumed + open + unknown,
    costUsd: toUsd(cost),
    priced,
    presumedUsd: toUsd(presumedCost),
    presumed,
    free,
    unknown,
    open,
  };
}
