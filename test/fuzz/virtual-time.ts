import { AsyncLocalStorage } from 'node:async_hooks';

/** The clock of one run: it moves when the run sleeps, so that hours pass in milliseconds. */
export interface RunClock {
  now: number;
}

const clocks = new AsyncLocalStorage<RunClock>();
let isInstalled = false;

/** Runs something for which `Date.now()` is its own clock; everything else keeps the machine's. */
export function withClock<T>(clock: RunClock, run: () => Promise<T>): Promise<T> {
  if (!isInstalled) {
    isInstalled = true;
    const machine = Date.now.bind(Date);
    Date.now = () => clocks.getStore()?.now ?? machine();
  }
  return clocks.run(clock, run);
}
