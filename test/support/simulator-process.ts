import { startSimulator } from '../../simulator/index.ts';

/** Runs a simulator in a process of its own, with the state file that is its argument; prints its URL. */
const [stateFile = ''] = process.argv.slice(2);
const sim = await startSimulator({ stateFile, seed: 7, profiles: { '*': { queueMs: 60_000, runMs: 1_000 } } });
process.stdout.write(`${sim.url}\n`);
