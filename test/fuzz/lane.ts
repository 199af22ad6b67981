import { createRunComfyClient, type RunComfyClient } from '../../runcomfy/client.ts';
import { type FaultRule, type Simulator, startSimulator } from '../../simulator/index.ts';
import { hangMs } from '../support/patience.ts';
import type { FuzzScript } from './script.ts';
import type { Books } from './truth.ts';
import type { RunClock } from './virtual-time.ts';

/** A simulator that serves one run after the other, and the product's client for it. */
export interface Lane {
  simulator: Simulator;
  runcomfy: RunComfyClient;
  clock: RunClock;
  /** Forgets the run before and lays out the faults of the next; ids differ from run to run. */
  prepare: (script: FuzzScript, seed: number) => void;
  /** Of the orders whose prompt begins like this: a POST of the run before may still come in. */
  books: (prompt: string) => Books;
  close: () => Promise<void>;
}

/** Where an answer may not come at all it is given up soon; elsewhere a busy machine may take its time over one. */
const patienceMs = 400;

const withholds = ({ fault }: FaultRule) => fault === 'hang' || fault === 'accept-then-hang';

/** The client's own submit, whose answers are written down. */
function noting(runcomfy: RunComfyClient, told: Set<string>): RunComfyClient {
  return {
    ...runcomfy,
    async submit(model, input) {
      const reply = await runcomfy.submit(model, input);
      told.add(reply.requestId);
      return reply;
    },
  };
}

export async function openLane({ hasOwnClock }: { hasOwnClock: boolean }): Promise<Lane> {
  const clock = { now: Date.now() };
  const simulator = await startSimulator({ seed: 1, ...(hasOwnClock && { clock: { now: () => clock.now } }) });
  const timeout = { totalMs: hangMs };
  const told = new Set<string>();
  const client = createRunComfyClient({
    modelApiBase: simulator.modelApiBase,
    serverlessApiBase: simulator.serverlessApiBase,
    token: () => 'sim-fuzz',
    timeouts: { submit: timeout, status: timeout, result: timeout, cancel: timeout },
  });
  return {
    simulator,
    runcomfy: noting(client, told),
    clock,
    prepare({ queueReads, runReads, faults }, seed) {
      simulator.reset({ seed });
      simulator.setProfiles({ '*': { queueReads, runReads } });
      simulator.setFaults(faults);
      timeout.totalMs = faults.some(withholds) ? patienceMs : hangMs;
      told.clear();
    },
    books: (prompt) => ({
      jobs: simulator.ledger().jobs.filter(({ input }) => String(input['prompt']).startsWith(prompt)),
      faults: simulator.faults(),
      told,
    }),
    async close() {
      await client.close();
      await simulator.close();
    },
  };
}
