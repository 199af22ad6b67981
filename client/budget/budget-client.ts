import type { Client } from '@temporalio/client';
import type { BudgetState, OpenReservation } from '../../domain/budget/budget.ts';
import { eachNamed, named } from '../convert-errors.ts';
import { changeBudget } from './change-budget.ts';
import { createBudget, type CreatedBudget, type NewBudget } from './create-budget.ts';
import { type BudgetFilter, listBudgets, type ListedBudget } from './list-budgets.ts';
import { type KnownBudgetState, readBudget, readReservations, type ReservationsOptions } from './read-budget.ts';

/** Makes budgets, limits of money that orders share, and looks at them, from any process. */
export interface BudgetClient {
  /** Creates a budget, or finds the one that has the same name, limit and period; `KeyInUse` where they differ. */
  create: (budget: NewBudget) => Promise<CreatedBudget>;
  /** Where a budget stands; without a worker as it was shown last. `KeyNotFound` where Temporal knows none. */
  state: (name: string) => Promise<KnownBudgetState>;
  /** Sets another limit, also one below what is spent. */
  set: (name: string, change: { limitUsd: number }) => Promise<BudgetState>;
  /** Orders whose price is set aside, in the order of their keys. */
  reservations: (name: string, options?: ReservationsOptions) => AsyncIterable<OpenReservation>;
  /** Frees what is set aside for a key, on a person's word that it will never be billed. */
  release: (name: string, key: string, reason: string) => Promise<BudgetState>;
  /** Ends a budget: orders that name it are refused from then on. Refused while reservations are open. */
  close: (name: string) => Promise<BudgetState>;
  /** The budgets that are open; of one that cannot be decoded here its name. */
  list: (filter?: BudgetFilter) => AsyncIterable<ListedBudget>;
}

/** Makes the client of budgets. */
export function createBudgetClient(client: Client, taskQueue: string): BudgetClient {
  return {
    create: (budget) => named('', () => createBudget(client, taskQueue, budget)),
    state: (name) => named('', () => readBudget(client, name)),
    set: (name, change) => named('', () => changeBudget(client, name, 'set', change)),
    reservations: (name, options) => eachNamed('', () => readReservations(client, name, options)),
    release: (name, key, reason) => named('', () => changeBudget(client, name, 'release', { key, reason })),
    close: (name) => named('', () => changeBudget(client, name, 'close', {})),
    list: (filter) => eachNamed('', () => listBudgets(client, filter)),
  };
}
