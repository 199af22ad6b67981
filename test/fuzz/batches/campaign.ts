import fc from 'fast-check';
import { batchLimits } from '../../../domain/batch/batch.ts';
import { messageOf } from '../../../domain/text.ts';
import { openSandbox } from '../../support/workflow-sandbox.ts';
import { playBatch } from './play.ts';
import { type BatchScript, batchScripts } from './script.ts';
import { brokenBatchPromises } from './truth.ts';

/** What random batches have shown. */
interface BatchCampaign {
  batches: number;
  seed: number;
  /** How often each end came. */
  ends: Record<string, number>;
  items: number;
  /** Batches whose items are more than a page holds. */
  longer: number;
  orders: number;
  found: { index: number; script: BatchScript; broken: string[] }[];
}

const maxFound = 5;

/** A campaign in one paragraph. */
export function describeBatches({ batches, seed, ends, items, longer, orders, found }: BatchCampaign): string {
  const list = Object.entries(ends)
    .sort((a, b) => b[1] - a[1])
    .map(([end, count]) => `${end} ${String(count)}`)
    .join(', ');
  const head = `${String(batches)} batches, ${String(longer)} of them longer than a page, ${String(items)} items, ${String(orders)} orders, seed ${String(seed)}: ${String(found.length)} violations (${list})`;
  const examples = found.map(
    ({ index, script, broken }) =>
      `  batch ${String(index)}: ${broken.slice(0, 5).join('; ')}\n  ${JSON.stringify(script)}`,
  );
  return [head, ...examples].join('\n');
}

/** Random batches in process, each with the real workflow and activities. */
export async function fuzzBatches(
  batches: number,
  seed: number,
  bundle: { code: string } | { codePath: string },
  threads = 2,
): Promise<BatchCampaign> {
  const campaign: BatchCampaign = { batches, seed, ends: {}, items: 0, longer: 0, orders: 0, found: [] };
  const sandbox = await openSandbox(bundle, threads);
  const samples = fc.sample(batchScripts, { numRuns: batches, seed }).entries();
  const lane = async () => {
    for (const [index, script] of samples) {
      const broken = await playBatch(sandbox, script, seed + index).then(
        (played) => {
          const end = played.states.at(-1)?.phase ?? 'nothing';
          campaign.ends[end] = (campaign.ends[end] ?? 0) + 1;
          campaign.items += played.taken.length;
          if (played.taken.length > batchLimits.pageItems) campaign.longer += 1;
          campaign.orders += [...played.outside.orders.values()].reduce((sum, { accepted }) => sum + accepted, 0);
          return brokenBatchPromises(script, played);
        },
        (error: unknown) => [`it could not be played: ${messageOf(error)}`],
      );
      if (broken.length > 0) campaign.found.push({ index, script, broken });
      if (campaign.found.length >= maxFound) return;
    }
  };
  try {
    await Promise.all(Array.from({ length: threads * 2 }, lane));
  } finally {
    await sandbox.close();
  }
  return campaign;
}
