// npm run fuzz                                   20,000 runs, 2,000 of them through the real workflow
// npm run fuzz -- --runs 500 --workflow-runs 50 --seed 7
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { bundleWorkflows } from '../../worker/index.ts';
import { startOwnServer } from '../support/server.ts';
import { describeCampaign, fuzzInProcess } from './campaign.ts';
import { fuzzWorkflow } from './real-workflow.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20000' },
    'workflow-runs': { type: 'string', default: '2000' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
  },
});
const seed = Number(values.seed);
const workflowRuns = Number(values['workflow-runs']);
const inProcessRuns = Math.max(0, Number(values.runs) - workflowRuns);
const say = (text: string) => {
  process.stdout.write(`${text}\n`);
};

say(
  `seed ${String(seed)}: ${String(inProcessRuns)} runs in process, ${String(workflowRuns)} through the real workflow`,
);
const inProcess = await fuzzInProcess(inProcessRuns, seed);
say(describeCampaign('activities and HTTP client in process', inProcess));

const server = await startOwnServer();
try {
  const workflowBundle = await bundleWorkflows();
  const campaign = await fuzzWorkflow({
    runs: workflowRuns,
    seed,
    parallel: 30,
    address: server.address,
    workflowBundle,
  });
  say(describeCampaign('real workflow on a Temporal dev server', campaign));
  const violations = inProcess.found.length + campaign.found.length;
  say(`\n${String(inProcess.runs + campaign.runs)} runs, seed ${String(seed)}: ${String(violations)} violations`);
  process.exitCode = violations === 0 ? 0 : 1;
} finally {
  await server.stop();
}
