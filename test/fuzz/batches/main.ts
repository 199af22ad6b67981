// npm run fuzz:batches                                2,000 random batches in process
// npm run fuzz:batches -- --batches 500 --seed 7
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { bundleWorkflows } from '../../../worker/index.ts';
import { describeBatches, fuzzBatches } from './campaign.ts';

const { values } = parseArgs({
  options: {
    batches: { type: 'string', default: '2000' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    threads: { type: 'string', default: '2' },
  },
});
const seed = Number(values.seed);
process.stdout.write(`seed ${String(seed)}: ${values.batches} random batches in process\n`);
const bundle = await bundleWorkflows();
const campaign = await fuzzBatches(Number(values.batches), seed, bundle, Number(values.threads));
process.stdout.write(`${describeBatches(campaign)}\n`);
process.exitCode = campaign.found.length === 0 ? 0 : 1;
