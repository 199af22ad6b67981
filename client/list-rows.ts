import type { Client } from '@temporalio/client';
import type { Labels } from '../domain/labels.ts';
import { checkArgument } from './generation/check-arguments.ts';
import { listRuns, type RunInfo } from './generation/run-info.ts';
import { checkScope, type ListScope, matchLabels, scopeClauses } from './list-scope.ts';

/** What is listed, and how a run becomes a row. */
export interface Listing<Phase extends string, Row extends { phase: Phase }> {
  workflowType: string;
  phases: readonly Phase[];
  describeRow: (run: RunInfo) => Promise<Row>;
}

/** Which of them are listed. */
export interface RowFilter<Phase extends string> extends ListScope {
  phase?: Phase | undefined;
  /** Default 100; `Infinity` for all. */
  limit?: number | undefined;
}

const defaultLimit = 100;
const rowsAtOnce = 20;

/** Lists workflows of one type: first those that run, then those that ended, the newest first. Needs no worker. */
export async function* listRows<Phase extends string, Row extends { phase: Phase }>(
  client: Client,
  { workflowType, phases, describeRow }: Listing<Phase, Row>,
  filter: RowFilter<Phase>,
): AsyncGenerator<Row & { labels?: Labels }, void, undefined> {
  const { phase, limit = defaultLimit, labels: wanted } = filter;
  checkArgument('filter.phase', phase === undefined || phases.includes(phase), `one of ${phases.join(', ')}`);
  checkArgument('filter.limit', typeof limit === 'number' && limit > 0, 'a number above 0');
  checkScope(filter);
  const { keyPrefix = '' } = filter;
  const describe = async (run: RunInfo) => {
    // A server on SQL takes a prefix in small and in capital letters alike.
    if (!run.key.startsWith(keyPrefix)) return undefined;
    const { isMatch, labels } = await matchLabels(client, run, wanted);
    return isMatch ? { ...(await describeRow(run)), ...(labels && { labels }) } : undefined;
  };
  const ofType = `WorkflowType = "${workflowType}" AND ExecutionStatus != "ContinuedAsNew"`;
  let told = 0;
  for await (const page of listRuns(client, [ofType, ...scopeClauses(filter)].join(' AND '))) {
    for (let at = 0; at < page.length; at += rowsAtOnce) {
      const rows = await Promise.all(page.slice(at, at + rowsAtOnce).map(describe));
      for (const row of rows) {
        if (row === undefined || (phase !== undefined && row.phase !== phase)) continue;
        yield row;
        told += 1;
        if (told >= limit) return;
      }
    }
  }
}
