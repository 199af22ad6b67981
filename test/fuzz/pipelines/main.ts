// npm run fuzz:pipelines                              2,000 random plans in process
// npm run fuzz:pipelines -- --plans 500 --seed 7
// npm run fuzz:pipelines -- --plans 0 --server-plans 100     and on a dev server
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { bundleWorkflows } from '../../../worker/index.ts';
import { startOwnServer } from '../../support/server.ts';
import { describePipelines, fuzzPipelines } from './campaign.ts';
import { fuzzPipelinesOnServer } from './on-server.ts';

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
const campaign = await fuzzPipelines(Number(values.plans), seed, bundle, Number(values.threads));
process.stdout.write(`${describePipelines(campaign)}\n`);
const found = [...campaign.found];
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
