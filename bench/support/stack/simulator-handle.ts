import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Simulator, SimulatorOptions } from '../../../simulator/index.ts';

type Ledger = ReturnType<Simulator['ledger']>;

/** A simulator in a process of its own. */
export interface SimulatorHandle {
  modelApiBase: string;
  hold: () => Promise<void>;
  release: () => Promise<void>;
  totals: () => Promise<Ledger['totals']>;
  jobs: () => Promise<Ledger['jobs']>;
  traffic: () => Promise<ReturnType<Simulator['traffic']>>;
  stop: () => Promise<void>;
}

/** Starts a simulator process; rejects if it ends before it is ready. */
export async function startSimulatorProcess(options: SimulatorOptions): Promise<SimulatorHandle> {
  const script = fileURLToPath(new URL('simulator-process.ts', import.meta.url));
  const child = fork(script, [JSON.stringify(options)], { execArgv: ['--import', 'tsx'] });
  const ended = once(child, 'exit');
  const [ready] = (await Promise.race([
    once(child, 'message'),
    ended.then(([code]) => {
      throw new Error(`The simulator process ended early (exit ${String(code)}).`);
    }),
  ])) as [Pick<Simulator, 'url' | 'modelApiBase'>];
  const control = async (path: string, init?: RequestInit): Promise<unknown> =>
    await (await fetch(`${ready.url}/__sim/${path}`, init)).json();
  const post = async (path: string) => {
    await control(path, { method: 'POST', body: '{}' });
  };
  return {
    modelApiBase: ready.modelApiBase,
    hold: () => post('hold'),
    release: () => post('release'),
    totals: async () => ((await control('ledger?jobs=0')) as Ledger).totals,
    jobs: async () => ((await control('ledger')) as Ledger).jobs,
    traffic: async () => ((await control('traffic')) as { seconds: ReturnType<Simulator['traffic']> }).seconds,
    async stop() {
      if (child.connected) child.send('stop');
      await ended;
    },
  };
}
