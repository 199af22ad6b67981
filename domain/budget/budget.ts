import type { Submission } from '../generation.ts';

/** How long the money of a budget has to last: for good, or until midnight or the end of the month, UTC. */
export const budgetPeriods = ['total', 'day', 'month'] as const;

/** One of `budgetPeriods`. */
export type BudgetPeriod = (typeof budgetPeriods)[number];

/** The one argument of workflow `runcomfyBudget`. */
export interface BudgetRequest {
  /** USD; 0 lets nothing pass. */
  limitUsd: number;
  /** Default `total`. */
  period?: BudgetPeriod;
}

/** Answer of query `state` of a budget. */
export interface BudgetState {
  name: string;
  limitUsd: number;
  period: BudgetPeriod;
  /** ISO 8601; of a `total` when the budget was created. */
  periodStart: string;
  spentUsd: number;
  reservedUsd: number;
  /** What may still be reserved; 0 while `overUsd` is above 0. */
  availableUsd: number;
  /** By how much actual costs have exceeded the prices they were reserved at: nothing more is granted until the limit is set anew, or the next period begins. */
  overUsd: number;
  /** Part of `spentUsd` that nobody has stated: orders that may have been billed, at their prices. */
  presumedUsd: number;
  /** Reservations that are not settled, those of former periods included. */
  open: number;
  /** ISO 8601. */
  oldestOpenAt?: string;
  /** Reservations refused since the budget was created. */
  refused: number;
  /** Why nothing is granted: Temporal has started the budget anew, which has forgotten what was before, until its limit is set; or its workflow was cancelled. */
  warning?: string;
}

/** The `warning` of a budget whose workflow was cancelled. */
export const cancelledWords =
  'its workflow was cancelled: nothing more is granted, and it ends once nothing is reserved';

/** Argument of update `reserve`: at most 100 at a time. */
export interface ReserveMessage {
  requests: { key: string; priceUsd: number }[];
}

/** What became of one reservation that was asked for. */
export interface ReserveVerdict {
  key: string;
  granted: boolean;
  availableUsd: number;
  /** Names this grant where the same key is granted again. */
  grant?: number;
  /** The key had a reservation already: an earlier order of it may have been sent. */
  again?: true;
}

/** Answer of update `reserve`, in the order of the requests. */
export interface ReserveReply {
  verdicts: ReserveVerdict[];
  limitUsd: number;
}

/** What became of an order, as far as a budget goes by it. */
export const settlementOutcomes = ['succeeded', 'failed', 'cancelled', 'not_submitted', 'refused', 'unknown'] as const;

/** One of `settlementOutcomes`. */
export type SettlementOutcome = (typeof settlementOutcomes)[number];

/** What a reservation has come to. */
export interface Settlement {
  key: string;
  outcome: SettlementOutcome;
  /** As RunComfy states it, and with it what is presumed of further submits. */
  costUsd?: number;
  /** What of `costUsd` nobody has stated; where that is missing, this is all that may have been billed. Older budgets do not read it. */
  presumedUsd?: number;
  /** Meant is this grant alone: what was granted to the key later stays as it is. */
  grant?: number;
}

/** What one budget has granted to an order. */
export interface BudgetGrant {
  budget: string;
  grant: number;
  /** The key had a reservation already. */
  again?: true;
}

/** Argument of signal `settle`: at most 10,000 at a time. */
export interface SettleMessage {
  settlements: Settlement[];
}

/** Argument of update `set`. */
export interface SetMessage {
  limitUsd: number;
}

/** Argument of update `release`: a person says that the order of a key will never be billed. */
export interface ReleaseMessage {
  key: string;
  reason: string;
}

/** Argument of query `reservations`. */
export interface ReservationsQuestion {
  /** The last key that was told; the keys come in the order of their characters. */
  after?: string;
  /** Default 100, at most 1,000. */
  limit?: number;
}

/** A reservation that is not settled. */
export interface OpenReservation {
  key: string;
  priceUsd: number;
  /** ISO 8601. */
  reservedAt: string;
  ageMs: number;
}

/** Answer of query `reservations`. */
export interface ReservationsReply {
  reservations: OpenReservation[];
  /** Whether there are more after these. */
  more: boolean;
}

/** Argument of activity `settleReservations`: what became of one order, told to each of its budgets. */
export interface SettleQuestion {
  budgets: string[];
  settlement: Settlement;
  /** What these budgets have granted. Missing: that is not known, and meant is whatever the key has reserved. */
  grants?: BudgetGrant[];
}

/** Argument of activity `reconcileReservations`. */
export interface ReconcileQuestion {
  /** `reservedAt`: epoch ms, of the server; budgets of older workers do not tell it. */
  reservations: { key: string; grant: number; reservedAt?: number }[];
}

/** Answer of activity `reconcileReservations`: reservations about which nothing can be said yet are left out. */
export interface ReconcileAnswer {
  settlements: Settlement[];
}

/** What budgets and their generations ask of a worker. */
export interface BudgetActivities {
  /** Tells budgets what became of an order; a local activity. */
  settleReservations: (question: SettleQuestion) => Promise<void>;
  /** Looks up what became of the orders of old reservations. */
  reconcileReservations: (question: ReconcileQuestion) => Promise<ReconcileAnswer>;
}

/** What is known of how an order ended. */
export interface OrderEnd {
  submission: Submission;
  phase: string;
  costUsd?: number | undefined;
  priceUsd?: number | undefined;
  cancel?: { outcome?: string } | undefined;
  otherRequestIds?: string[] | undefined;
  otherCostUsd?: number | undefined;
  /** Missing: older workers did not count them. */
  otherCostsUnknown?: number | undefined;
}
