import fc from 'fast-check';
import { messageOf } from '../../../domain/text.ts';
import { openSandbox } from '../../support/workflow-sandbox.ts';
import { play } from './play.ts';
import { type PipelineScript, pipelineScripts } from './script.ts';
import { brokenPromises } from './truth.ts';

export interface PipelineCampaign {
  plans: number;
  seed: number;
  /** How often each end came, by the phase of the state. */
  ends: Record<string, number>;
  orders: number;
  found: { seed: number; path: string; script: PipelineScript; broken: string[] }[];
}

const maxFound = 5;

/** A campaign in one paragraph. */
export function describePipelines(
  { plans, seed, ends, orders, found }: PipelineCampaign,
  where = 'in process',
): string {
  const list = Object.entries(ends)
    .sort((a, b) => b[1] - a[1])
    .map(([end, count]) => `${end} ${String(count)}`)
    .join(', ');
  const head = `pipelines ${where}: ${String(plans)} plans, ${String(orders)} orders, seed ${String(seed)}: ${String(found.length)} violations (${list})`;
  const examples = found.map(
    (each) => `  plan ${each.path}: ${each.broken.join('; ')}\n  ${JSON.stringify(each.script)}`,
  );
  return [head, ...examples].join('\n');
}

/** Random plans in process, each with the real workflow and activities. */
export async function fuzzPipelines(
  plans: number,
  seed: number,
  bundle: { code: string } | { codePath: string },
  threads = 2,
): Promise<PipelineCampaign> {
  const campaign: PipelineCampaign = { plans, seed, ends: {}, orders: 0, found: [] };
  const sandbox = await openSandbox(bundle, threads);
  const samples = fc.sample(pipelineScripts, { numRuns: plans, seed }).entries();
  const lane = async () => {
    for (const [index, script] of samples) {
      const broken = await play(sandbox, script, seed + index).then(
        ({ told, provider }) => {
          for (const { state } of told) {
            const failure = state.steps.find((step) => step.failure)?.failure?.type ?? state.failure?.type;
            const end = state.phase === 'failed' ? `failed by ${failure ?? 'nothing'}` : state.phase;
            campaign.ends[end] = (campaign.ends[end] ?? 0) + 1;
          }
          campaign.orders += provider.runs.length;
          return brokenPromises(script, told, provider);
        },
        (error: unknown) => [`it could not be played: ${messageOf(error)}`],
      );
      if (broken.length > 0) campaign.found.push({ seed, path: String(index), script, broken });
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
