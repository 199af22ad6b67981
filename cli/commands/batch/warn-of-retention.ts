import type { Client } from '@temporalio/client';
import type { KnownBatchState } from '../../../client/index.ts';
import type { CommandContext } from '../../command-context.ts';
import { shellQuote } from '../../shell-quote.ts';

const answerWithinMs = 3_000;
const dayMs = 86_400_000;

/**
 * Warns if a batch takes more than half as long as Temporal keeps what has ended: its first items may be forgotten while
 * its last ones run. Silent if the retention cannot be read.
 */
export async function warnOfRetention(
  client: Client,
  { printer }: Pick<CommandContext, 'printer'>,
  { counts, rate }: Pick<KnownBatchState, 'counts' | 'rate'>,
): Promise<void> {
  if (rate?.etaAt === undefined) return;
  const takesMs = (counts.total / rate.perMinute) * 60_000;
  const keptMs = await readRetentionMs(client).catch(() => 0);
  if (keptMs === 0 || takesMs <= keptMs / 2) return;
  const wanted = `${String(Math.ceil((2 * takesMs) / dayMs))}d`;
  const remedy = `temporal operator namespace update --retention ${wanted} ${shellQuote(client.options.namespace)}`;
  printer.note(
    `warning: at this rate the whole batch takes about ${daysOf(takesMs)} days, and Temporal keeps what has ended for ${daysOf(keptMs)} days: an item that it has forgotten is not found again; \`${remedy}\` keeps them longer`,
  );
}

async function readRetentionMs(client: Client): Promise<number> {
  const { namespace } = client.options;
  const { config } = await client.withDeadline(Date.now() + answerWithinMs, () =>
    client.workflowService.describeNamespace({ namespace }),
  );
  return Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) * 1_000;
}

function daysOf(ms: number): string {
  return String(Math.round((ms / dayMs) * 10) / 10);
}
