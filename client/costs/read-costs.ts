import type { Client } from '@temporalio/client';
import { toMicro } from '../../domain/budget/money.ts';
import { type CostEntry, type CostReport, costsOfEnd, createCostTally, maxCostEntries } from '../../domain/costs.ts';
import { isLabelName } from '../../domain/labels.ts';
import { toClientError } from '../convert-errors.ts';
import { GenerationError, isGenerationError } from '../errors.ts';
import { checkArgument } from '../generation/check-arguments.ts';
import { type ListedGeneration, listGenerations } from '../generation/following/list-generations.ts';
import { isTerminal } from '../generation/following/phase.ts';
import { readOrderEnd } from '../generation/following/read-order-end.ts';
import type { ListScope } from '../list-scope.ts';

/** Which costs are added up, and how they are grouped. */
export interface CostQuestion extends ListScope {
  by: 'model' | 'day' | `label:${string}`;
}

/** Group of generations without such a label, or whose model cannot be read here. */
const nameless = '(none)';
/** Number of generations whose costs are fetched concurrently. */
const askedAtOnce = 20;

/** Adds up what generations have cost. Each request of RunComfy counts once, however many keys and runs followed it. */
export async function readCosts(client: Client, { by, ...scope }: CostQuestion): Promise<CostReport> {
  const groupOf = grouping(by);
  const tally = createCostTally();
  let next: ListedGeneration[] = [];
  const addUp = async () => {
    const entries = await Promise.all(next.map((row) => entriesOf(client, row, groupOf(row))));
    if (!entries.flat().every((entry) => tally.add(entry))) throw tooMany();
    next = [];
  };
  for await (const row of listGenerations(client, { ...scope, limit: Infinity })) {
    next.push(row);
    if (next.length >= askedAtOnce) await addUp();
  }
  await addUp();
  const { since, until } = scope;
  const inOrder = by === 'day' ? byName : byCost;
  return {
    by,
    currency: 'USD',
    ...(since && { since: since.toISOString() }),
    ...(until && { until: until.toISOString() }),
    rows: tally.rows().sort(inOrder),
    total: tally.total(),
  };
}

function grouping(by: unknown): (row: ListedGeneration) => string {
  if (by === 'model') return ({ model }) => (model === '' ? nameless : model);
  if (by === 'day') return ({ startedAt }) => startedAt.slice(0, 10);
  const label = typeof by === 'string' && by.startsWith('label:') ? by.slice('label:'.length) : '';
  checkArgument('by', isLabelName(label), 'model, day, or label:<name> with the name of a label');
  return ({ labels }) => labels?.[label] ?? nameless;
}

/**
 * The costs of a listed generation; empty if nothing was ordered from RunComfy. A listed cost is used without reading
 * the result, which alone has the costs of further submits.
 */
async function entriesOf(client: Client, row: ListedGeneration, group: string): Promise<CostEntry[]> {
  const { requestId, costUsd, phase } = row;
  const entry = { requestId, group };
  if (costUsd !== undefined) return [{ ...entry, kind: 'priced', cost: toMicro(costUsd) }];
  if (!isTerminal(phase)) {
    const isOrdered = requestId !== undefined || phase === 'submission_unknown';
    return isOrdered ? [{ ...entry, kind: 'open', cost: 0 }] : [];
  }
  const end = await readOrderEnd(client, row).catch((thrown: unknown) => {
    const error = toClientError(thrown, row.key);
    if (isGenerationError(error) && (error.type === 'TemporalUnreachable' || error.type === 'TemporalBusy'))
      throw error;
    // The run cannot be read any more, but it may have cost something.
    return undefined;
  });
  if (end === undefined) return [{ ...entry, kind: 'unknown', cost: 0 }];
  return costsOfEnd(requestId, end).map((told) => ({ ...told, group }));
}

function tooMany(): GenerationError {
  const message = `more than ${String(maxCostEntries)} requests: narrow them down by since and until`;
  return new GenerationError({ type: 'InvalidInput', message, issues: [{ path: 'since', message }] });
}

function byName(a: { group: string }, b: { group: string }): number {
  return a.group < b.group ? -1 : 1;
}

function byCost(a: CostReport['rows'][number], b: CostReport['rows'][number]): number {
  return b.costUsd - a.costUsd || b.presumedUsd - a.presumedUsd || byName(a, b);
}
