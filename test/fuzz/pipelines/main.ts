// npm run fuzz:pipelines                              2,000 random plans in process
// npm run fuzz:pipelines -- --plans 500 --seed 7
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { bundleWorkflows } from '../../../worker/index.ts';
import { describePipelines, fuzzPipelines } from './campaign.ts';

const { values } = parseArgs({
  options: {
    plans: { type: 'string', default: '2000' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    threads: { type: 'string', default: '2' },
  },
});
const seed = Number(values.seed);
process.stdout.write(`seed ${String(seed)}: ${values.plans} random plans in process\n`);
const campaign = await fuzzPipelines(Number(values.plans), seed, await bundleWorkflows(), Number(values.threads));
process.stdout.write(`${describePipelines(campaign)}\n`);
process.exitCode = campaign.found.length === 0 ? 0 : 1;
