import type { PreparedOrder } from '../../domain/pipeline/pipeline-activities.ts';

/** Reasons that tell of an order that was made before. */
const known: readonly (string | undefined)[] = [
  'the last one cost nothing',
  'failed before',
  'output gone',
  'it runs already',
];

/**
 * What stands for an order that was made before and gave nothing that can be used: a fallback that succeeded is used
 * again, else one that runs is followed; one that failed fails the step, unless failed orders are made again (then none
 * of an earlier run is told as failed). So whatever has settled a step settles it again, and nothing is ordered beside what runs.
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
    // Further attempts are numbered by the step's own order.
    if (order.kind === 'reuse') return { ...order, copy: first.copy };
    if (order.kind !== 'attach') continue;
    const attached = { ...order, copy: first.copy, tries: attempts + rank - 1 };
    if (order.reason === 'failed before') failed = attached;
    else running ??= attached;
  }
  return running ?? failed ?? first;
}
