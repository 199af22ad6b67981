import type { Submission } from '../generation.ts';

/** The period a budget's limit applies to: for good, or until midnight or the end of the month, UTC. */
export const budgetPeriods = ['total', 'day', 'month'] as const;

/** One of `budgetPeriods`. */
export type BudgetPeriod = (typeof budgetPeriods)[number];

/** The one argument of workflow `runcomfyBudget`. */
export interface BudgetRequest {
  /** USD; 0 blocks every order that costs anything. */
  limitUsd: number;
  /** Default `total`. */
  period?: BudgetPeriod;
}

/** Answer of query `state` of a budget. */
export interface BudgetState {
  name: string;
  limitUsd: number;
  period: BudgetPeriod;
  /** ISO 8601. For period `total`: when the budget was created. */
  periodStart: string;
  spentUsd: number;
  reservedUsd: number;
  /** What can still be reserved; 0 while `overUsd` is above 0. */
  availableUsd: number;
  /**
   * By how much actual costs exceeded the reserved prices. Above 0, nothing more is granted until the limit is set
   * again or the next period begins.
   */
  overUsd: number;
  /** The part of `spentUsd` that is presumed: orders that may have been billed, at their prices. */
  presumedUsd: number;
  /** Number of reservations that are not settled, including those of former periods. */
  open: number;
  /** ISO 8601. */
  oldestOpenAt?: string;
  /** Number of reservations refused since the budget was created. */
  refused: number;
  /**
   * Why nothing is granted: Temporal started the budget anew, without its history, and its limit has not been set
   * since; or its workflow was cancelled.
   */
  warning?: string;
}

/** The `warning` of a budget whose workflow was cancelled. */
export const cancelledWords =
  'its workflow was cancelled: nothing more is granted, and it ends once nothing is reserved';

/** Argument of update `reserve`, with at most 100 requests. */
export interface ReserveMessage {
  requests: { key: string; priceUsd: number }[];
}

/** The answer to one requested reservation. */
export interface ReserveVerdict {
  key: string;
  granted: boolean;
  availableUsd: number;
  /** The grant's number, which distinguishes repeated grants to the same key. */
  grant?: number;
  /** The key already had a reservation, so an earlier order under it may have been sent. */
  again?: true;
}

/** Answer of update `reserve`, in the order of the requests. */
export interface ReserveReply {
  verdicts: ReserveVerdict[];
  limitUsd: number;
}

/** The outcomes of an order that a budget distinguishes. */
export const settlementOutcomes = ['succeeded', 'failed', 'cancelled', 'not_submitted', 'refused', 'unknown'] as const;

/** One of `settlementOutcomes`. */
export type SettlementOutcome = (typeof settlementOutcomes)[number];

/** What became of a reservation. */
export interface Settlement {
  key: string;
  outcome: SettlementOutcome;
  /** The cost as RunComfy states it, plus what is presumed of further submits. */
  costUsd?: number;
  /**
   * The presumed part of `costUsd`; without `costUsd`, all that may have been billed. Budgets of older versions ignore
   * it.
   */
  presumedUsd?: number;
  /** Applies to this grant only; a later grant to the key stays as it is. */
  grant?: number;
}

/** A budget's grant to an order. */
export interface BudgetGrant {
  budget: string;
  grant: number;
  /** The key already had a reservation. */
  again?: true;
}

/** Argument of signal `settle`, with at most 10,000 settlements, or 9,999 that have all five fields. */
export interface SettleMessage {
  settlements: Settlement[];
}

/** Argument of update `set`. */
export interface SetMessage {
  limitUsd: number;
}

/** Argument of update `release`, by which a person says that the order of a key will never be billed. */
export interface ReleaseMessage {
  key: string;
  reason: string;
}

/** Argument of query `reservations`. */
export interface ReservationsQuestion {
  /** The last key of the previous answer; keys are sorted by their characters. */
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

/** Argument of activity `settleReservations`: what became of one order, to be reported to each of its budgets. */
export interface SettleQuestion {
  budgets: string[];
  settlement: Settlement;
  /** What these budgets granted. Missing if unknown: the settlement then applies to whatever the key has reserved. */
  grants?: BudgetGrant[];
}

/** Argument of activity `reconcileReservations`. */
export interface ReconcileQuestion {
  /** `reservedAt`: epoch ms by the server's clock; missing from budgets of older workers. */
  reservations: { key: string; grant: number; reservedAt?: number }[];
}

/** Answer of activity `reconcileReservations`. Reservations whose fate is still unknown are left out. */
export interface ReconcileAnswer {
  settlements: Settlement[];
}

/** Activities of budgets and of the generations that use them. */
export interface BudgetActivities {
  /** Reports to budgets what became of an order. Runs as a local activity. */
  settleReservations: (question: SettleQuestion) => Promise<void>;
  /** Looks up what became of the orders of old reservations. */
  reconcileReservations: (question: ReconcileQuestion) => Promise<ReconcileAnswer>;
}

/** What is known about the end of an order. */
export interface OrderEnd {
  submission: Submission;
  phase: string;
  costUsd?: number | undefined;
  priceUsd?: number | undefined;
  cancel?: { outcome?: string } | undefined;
  otherRequestIds?: string[] | undefined;
  otherCostUsd?: number | undefined;
  /** Missing from older workers, which did not count them. */
  otherCostsUnknown?: number | undefined;
}
