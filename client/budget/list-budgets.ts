import type { Client } from '@temporalio/client';
import { budgetId, budgetNameOf, budgetWorkflowType } from '../../domain/budget/names.ts';
import { toClientError, withClientErrors } from '../convert-errors.ts';
import { decodePayload, undecodable } from '../decode-payload.ts';
import { isGenerationError } from '../errors.ts';
import { checkArgument } from '../generation/check-arguments.ts';
import { describeKnown, isClosed, listRuns, listRunsPage, type RunInfo } from '../generation/run-info.ts';
import type { Paging, RowPage } from '../list-rows.ts';
import { scopeClauses } from '../list-scope.ts';
import { type KnownBudgetState, readBudget } from './read-budget.ts';

/** Which budgets are listed. */
export interface BudgetFilter {
  /** Only names with this prefix. */
  namePrefix?: string | undefined;
}

/**
 * A budget that cannot be decoded here: it was encoded by another codec or encrypted with a key that is not available
 * here.
 */
export interface UndecodableBudget {
  name: string;
  isUndecodable: true;
}

/** A budget in a list. */
export type ListedBudget = KnownBudgetState | UndecodableBudget;

/** Number of budgets that are read concurrently. */
const readAtOnce = 20;

/** The open budgets, with their current state. */
export async function* listBudgets(
  client: Client,
  { namePrefix = '' }: BudgetFilter = {},
): AsyncGenerator<ListedBudget, void, undefined> {
  const told = new Set<string>();
  for await (const page of listRuns(client, queryOf(namePrefix))) {
    const names = namesIn(page, namePrefix).filter((name) => !told.has(name));
    for (let at = 0; at < names.length; at += readAtOnce) {
      const some = names.slice(at, at + readAtOnce);
      for (const name of some) told.add(name);
      for (const state of await Promise.all(some.map((name) => readOpenBudget(client, name)))) {
        if (state !== undefined) yield state;
      }
    }
  }
}

/** An open budget as an entry of a list. Undefined if it was closed meanwhile, or if no worker has run it yet. */
export function readOpenBudget(client: Client, name: string): Promise<ListedBudget | undefined> {
  return withClientErrors('', () => readOpen(client, name));
}

async function readOpen(client: Client, name: string): Promise<ListedBudget | undefined> {
  try {
    const state = await readBudget(client, name);
    return state.isClosed ? undefined : state;
  } catch (thrown) {
    const error = toClientError(thrown, name);
    const type = isGenerationError(error) ? error.type : undefined;
    if (type === 'KeyNotFound') return undefined;
    if (type !== 'Undecodable' && type !== 'NoWorker') throw error;
    const run = await describeKnown(client, budgetId(name));
    if (run === undefined || isClosed(run)) return undefined;
    const shown = await decodePayload(client, run.memo?.[budgetWorkflowType], { workflowId: run.key });
    return type === 'Undecodable' || shown === undecodable ? { name, isUndecodable: true } : undefined;
  }
}

/** One page of the names of open budgets. It may have fewer than `limit` although more pages follow. */
export function listBudgetNames(
  client: Client,
  { namePrefix = '' }: BudgetFilter,
  { limit, pageToken }: Paging,
): Promise<RowPage<string>> {
  return withClientErrors('', async () => {
    const { runs, ...next } = await listRunsPage(client, queryOf(namePrefix), { pageSize: limit, pageToken });
    return { rows: namesIn(runs, namePrefix), ...next };
  });
}

/** The list scope that selects the budgets with a prefix. */
export function scopeOfBudgets(namePrefix: string): { keyPrefix?: string } {
  checkArgument('filter.namePrefix', typeof namePrefix === 'string', 'text');
  return namePrefix === '' ? {} : { keyPrefix: budgetId(namePrefix) };
}

function queryOf(namePrefix: string): string {
  const ofType = `WorkflowType = "${budgetWorkflowType}" AND ExecutionStatus = "Running"`;
  return [ofType, ...scopeClauses(scopeOfBudgets(namePrefix))].join(' AND ');
}

function namesIn(runs: readonly RunInfo[], namePrefix: string): string[] {
  const names = runs.map(({ key }) => budgetNameOf(key));
  // SQL visibility stores match a prefix case-insensitively.
  return [...new Set(names.filter((name) => name?.startsWith(namePrefix)))].filter((name) => name !== undefined);
}
