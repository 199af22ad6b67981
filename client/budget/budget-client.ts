import type { Client } from '@temporalio/client';
import type { BudgetState, OpenReservation } from '../../domain/budget/budget.ts';
import { eachWithClientErrors, withClientErrors } from '../convert-errors.ts';
import { changeBudget } from './change-budget.ts';
import { createBudget, type CreatedBudget, type NewBudget } from './create-budget.ts';
import { type BudgetFilter, listBudgets, type ListedBudget } from './list-budgets.ts';
import { type KnownBudgetState, readBudget, readReservations, type ReservationsOptions } from './read-budget.ts';

/** Creates, reads and changes budgets, which are spending limits that orders share, from any process. */
export interface BudgetClient {
  /**
   * Creates a budget, or finds the one with the same name, limit and period; throws `KeyInUse` if limit or period
   * differ.
   */
  create: (budget: NewBudget) => Promise<CreatedBudget>;
  /**
   * The state of a budget; without a worker, the state that it published last. Throws `KeyNotFound` if Temporal knows
   * none.
   */
  state: (name: string) => Promise<KnownBudgetState>;
  /** Sets another limit, which may be below what is spent. */
  set: (name: string, change: { limitUsd: number }) => Promise<BudgetState>;
  /** The orders that hold a reservation, in the order of their keys. */
  reservations: (name: string, options?: ReservationsOptions) => AsyncIterable<OpenReservation>;
  /** Releases the reservation of a key, on a person's word that the order will never be billed. */
  release: (name: string, key: string, reason: string) => Promise<BudgetState>;
  /**
   * Closes a budget: orders that name it are refused from then on. Throws `StillRunning` while reservations are open.
   */
  close: (name: string) => Promise<BudgetState>;
  /** The open budgets; those that cannot be decoded here are listed by name only. */
  list: (filter?: BudgetFilter) => AsyncIterable<ListedBudget>;
}

/** Makes the client of budgets. */
export function createBudgetClient(client: Client, taskQueue: string): BudgetClient {
  return {
    create: (budget) => withClientErrors('', () => createBudget(client, taskQueue, budget)),
    state: (name) => withClientErrors('', () => readBudget(client, name)),
    set: (name, change) => withClientErrors('', () => changeBudget(client, name, 'set', change)),
    reservations: (name, options) => eachWithClientErrors('', () => readReservations(client, name, options)),
    release: (name, key, reason) => withClientErrors('', () => changeBudget(client, name, 'release', { key, reason })),
    close: (name) => withClientErrors('', () => changeBudget(client, name, 'close', {})),
    list: (filter) => eachWithClientErrors('', () => listBudgets(client, filter)),
  };
}
