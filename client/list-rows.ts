import type { Client } from '@temporalio/client';
import type { Labels } from '../domain/labels.ts';
import { checkArgument } from './generation/check-arguments.ts';
import { listRuns, listRunsPage, type RunInfo } from './generation/run-info.ts';
import { checkScope, type ListScope, matchLabels, scopeClauses } from './list-scope.ts';

/** The workflow type to list, its phases, and how a run becomes a row. */
export interface Listing<Phase extends string, Row extends { phase: Phase }> {
  workflowType: string;
  phases: readonly Phase[];
  describeRow: (run: RunInfo) => Promise<Row>;
}

/** Which workflows are listed. */
export interface RowFilter<Phase extends string> extends ListScope {
  phase?: Phase | undefined;
  /** Default 100; `Infinity` for all. */
  limit?: number | undefined;
}

const defaultLimit = 100;
const rowsAtOnce = 20;

/** One page of a list. It may have fewer rows than `limit` although more pages follow. */
export interface RowPage<Row> {
  rows: Row[];
  /** Base64; missing on the last page. */
  nextPageToken?: string;
}

/** Which page is read; `limit` is the number of runs looked at, before filtering. */
export interface Paging {
  limit: number;
  pageToken?: string | undefined;
}

/** Lists workflows of one type: first the open ones, then the ended ones, newest first. Needs no worker. */
export async function* listRows<Phase extends string, Row extends { phase: Phase }>(
  client: Client,
  listing: Listing<Phase, Row>,
  filter: RowFilter<Phase>,
): AsyncGenerator<Row & { labels?: Labels }, void, undefined> {
  const { limit = defaultLimit } = filter;
  checkArgument('filter.limit', typeof limit === 'number' && limit > 0, 'a number above 0');
  checkFilter(listing, filter);
  let told = 0;
  for await (const page of listRuns(client, queryOf(listing, filter))) {
    for (let at = 0; at < page.length; at += rowsAtOnce) {
      for (const row of await describeRuns(client, page.slice(at, at + rowsAtOnce), listing, filter)) {
        yield row;
        told += 1;
        if (told >= limit) return;
      }
    }
  }
}

/** One page of what `listRows` lists. */
export async function listRowPage<Phase extends string, Row extends { phase: Phase }>(
  client: Client,
  listing: Listing<Phase, Row>,
  filter: Omit<RowFilter<Phase>, 'limit'>,
  { limit, pageToken }: Paging,
): Promise<RowPage<Row & { labels?: Labels }>> {
  checkFilter(listing, filter);
  const { runs, ...next } = await listRunsPage(client, queryOf(listing, filter), { pageSize: limit, pageToken });
  const rows = [];
  for (let at = 0; at < runs.length; at += rowsAtOnce) {
    rows.push(...(await describeRuns(client, runs.slice(at, at + rowsAtOnce), listing, filter)));
  }
  return { rows, ...next };
}

function checkFilter<Phase extends string>({ phases }: { phases: readonly Phase[] }, filter: RowFilter<Phase>): void {
  const { phase } = filter;
  checkArgument('filter.phase', phase === undefined || phases.includes(phase), `one of ${phases.join(', ')}`);
  checkScope(filter);
}

function queryOf({ workflowType }: { workflowType: string }, filter: ListScope): string {
  const ofType = `WorkflowType = "${workflowType}" AND ExecutionStatus != "ContinuedAsNew"`;
  return [ofType, ...scopeClauses(filter)].join(' AND ');
}

/** The runs that match the filter, as rows. */
async function describeRuns<Phase extends string, Row extends { phase: Phase }>(
  client: Client,
  runs: RunInfo[],
  { describeRow }: Listing<Phase, Row>,
  { keyPrefix = '', labels: wanted, phase }: RowFilter<Phase>,
): Promise<(Row & { labels?: Labels })[]> {
  const describe = async (run: RunInfo) => {
    // SQL visibility stores match a prefix case-insensitively.
    if (!run.key.startsWith(keyPrefix)) return undefined;
    const { isMatch, labels } = await matchLabels(client, run, wanted);
    return isMatch ? { ...(await describeRow(run)), ...(labels && { labels }) } : undefined;
  };
  const rows = await Promise.all(runs.map(describe));
  return rows.flatMap((row) => (row === undefined || (phase !== undefined && row.phase !== phase) ? [] : [row]));
}
