import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type {
  BudgetState,
  ReleaseMessage,
  ReservationsQuestion,
  ReservationsReply,
  ReserveMessage,
  ReserveReply,
  SetMessage,
  SettleMessage,
} from '../../domain/budget/budget.ts';
import { budgetMessageNames } from '../../domain/budget/names.ts';

/** Reserves prices, at most 100 at a time. A key that is reserved already is granted again at no cost. */
export const reserveUpdate = defineUpdate<ReserveReply, [ReserveMessage]>(budgetMessageNames.reserve);

/** Reports what became of orders. */
export const settleSignal = defineSignal<[SettleMessage]>(budgetMessageNames.settle);

/** Sets another limit. */
export const setUpdate = defineUpdate<BudgetState, [SetMessage]>(budgetMessageNames.set);

/** Frees the reservation of a key, on a person's word. */
export const releaseUpdate = defineUpdate<BudgetState, [ReleaseMessage]>(budgetMessageNames.release);

/** Ends the budget; refused while reservations are open. */
export const closeUpdate = defineUpdate<BudgetState>(budgetMessageNames.close);

/** Where a budget stands; answered for closed ones too. */
export const budgetStateQuery = defineQuery<BudgetState>(budgetMessageNames.state);

/** The reservations that are not settled, page by page. */
export const reservationsQuery = defineQuery<ReservationsReply, [ReservationsQuestion?]>(
  budgetMessageNames.reservations,
);
