import type { Client } from '@temporalio/client';
import { checkArgument } from './generation/check-arguments.ts';
import { listRuns, type RunInfo } from './generation/run-info.ts';

/** What is listed, and how a run becomes a row. */
export interface Listing<Phase extends string, Row extends { phase: Phase }> {
  workflowType: string;
  phases: readonly Phase[];
  describeRow: (run: RunInfo) => Promise<Row>;
}

const defaultLimit = 100;
const rowsAtOnce = 20;

/** Lists workflows of one type: first those that run, then those that ended, the newest first. Needs no worker. */
export async function* listRows<Phase extends string, Row extends { phase: Phase }>(
  client: Client,
  { workflowType, phases, describeRow }: Listing<Phase, Row>,
  { phase, limit = defaultLimit }: { phase?: Phase | undefined; limit?: number | undefined },
): AsyncGenerator<Row, void, undefined> {
  checkArgument('filter.phase', phase === undefined || phases.includes(phase), `one of ${phases.join(', ')}`);
  checkArgument('filter.limit', typeof limit === 'number' && limit > 0, 'a number above 0');
  let told = 0;
  for await (const page of listRuns(
    client,
    `WorkflowType = "${workflowType}" AND ExecutionStatus != "ContinuedAsNew"`,
  )) {
    for (let at = 0; at < page.length; at += rowsAtOnce) {
      const rows = await Promise.all(page.slice(at, at + rowsAtOnce).map(describeRow));
      for (const row of rows) {
        if (phase !== undefined && row.phase !== phase) continue;
        yield row;
        told += 1;
        if (told >= limit) return;
      }
    }
  }
}
