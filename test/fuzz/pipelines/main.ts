// npm run fuzz:pipelines                              2,000 random plans in process
// npm run fuzz:pipelines -- --plans 500 --seed 7
// npm run fuzz:pipelines -- --plans 0 --server-plans 100     and on a dev server
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { bundleWorkflows } from '../../../worker/index.ts';
import { startOwnServer } from '../../support/server.ts';
import { describePipelines, fuzzPipelines, type PipelineCampaign } from './campaign.ts';
import { fuzzPipelinesOnServer } from './on-server.ts';
import { groupScripts, pipelineScripts } from './script.ts';

const { values } = parseArgs({
  options: {
    plans: { type: 'string', default: '2000' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    'server-plans': { type: 'string', default: '0' },
    threads: { type: 'string', default: '2' },
  },
});
const seed = Number(values.seed);
process.stdout.write(`seed ${String(seed)}: ${values.plans} random plans in process\n`);
const bundle = await bundleWorkflows();
const found: PipelineCampaign['found'] = [];
for (const scripts of [pipelineScripts, groupScripts]) {
  const plans = Math.ceil(Number(values.plans) / 2);
  const campaign = await fuzzPipelines(plans, seed, bundle, { threads: Number(values.threads), scripts });
  process.stdout.write(`${describePipelines(campaign)}\n`);
  found.push(...campaign.found);
}
const serverPlans = Number(values['server-plans']);
if (serverPlans > 0) {
  const server = await startOwnServer();
  try {
    const more = await fuzzPipelinesOnServer({
      plans: serverPlans,
      seed,
      parallel: 6,
      address: server.address,
      workflowBundle: bundle,
    });
    process.stdout.write(`${describePipelines(more, 'on a Temporal dev server')}\n`);
    found.push(...more.found);
  } finally {
    await server.stop();
  }
}
process.exitCode = found.length === 0 ? 0 : 1;
