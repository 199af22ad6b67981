import type { PreparedOrder } from '../../domain/pipeline/pipeline-activities.ts';

/** Reasons that show that an order was made before. */
const known: readonly (string | undefined)[] = [
  'the last one cost nothing',
  'failed before',
  'output gone',
  'it runs already',
];

/**
 * What replaces an order that was made before without a usable result. A fallback that succeeded is reused, else one
 * that is running is followed. A fallback that failed fails the step, unless failed orders are to be made again (then
 * none of an earlier run counts as failed). So a step is settled by what settled it before, and nothing is ordered
 * while one of its orders runs.
 */
export async function orMadeInstead(
  first: PreparedOrder,
  { fallbacks, attempts }: { fallbacks: number; attempts: number },
  settleFallback: (rank: number) => Promise<PreparedOrder>,
): Promise<PreparedOrder> {
  if ((first.kind !== 'order' && first.kind !== 'attach') || !known.includes(first.reason)) return first;
  let running = first.kind === 'attach' && first.reason !== 'failed before' ? first : undefined;
  let failed: PreparedOrder | undefined;
  for (let rank = 1; rank <= fallbacks; rank += 1) {
    const order = await settleFallback(rank);
    // Further attempts are counted by the step's own order.
    if (order.kind === 'reuse') return { ...order, copy: first.copy };
    if (order.kind !== 'attach') continue;
    const attached = { ...order, copy: first.copy, tries: attempts + rank - 1 };
    if (order.reason === 'failed before') failed = attached;
    else running ??= attached;
  }
  return running ?? failed ?? first;
}
