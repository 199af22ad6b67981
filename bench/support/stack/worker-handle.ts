import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { TwoGears } from './two-gears.ts';

/** What a worker process runs; `plain` means the workflows of `plain-workflows.ts`. */
export interface WorkerArguments {
  kind: 'ours' | 'plain';
  address: string;
  taskQueue: string;
  bundlePath: string;
  modelApiBase?: string;
  /** Where the worker keeps state for a successor on the same machine; default: a new folder. */
  stateDir?: string;
  readsPerSecond?: number;
  submitsPerSecond?: number;
  /** Limits the old space of the process's heap. */
  heapMegabytes?: number;
  /** Reads by this script instead of by what the worker has learned. */
  waiting?: TwoGears;
}

export interface Usage {
  /** Bytes. */
  rss: number;
  /** Seconds since the start of the process. */
  cpuSeconds: number;
}

/** A worker in a process of its own. */
export interface WorkerHandle {
  pid: number;
  usage: () => Promise<Usage>;
  /** Lets work in flight finish. */
  stop: () => Promise<void>;
  /** Kills it, as a crash would. */
  kill9: () => Promise<void>;
}

interface UsageMessage {
  rss: number;
  cpu: NodeJS.CpuUsage;
}

/** Starts a worker process; rejects if it ends before it is ready. */
export async function startWorkerProcess(args: WorkerArguments): Promise<WorkerHandle> {
  const script = fileURLToPath(new URL('worker-process.ts', import.meta.url));
  const child = fork(script, [JSON.stringify(args)], {
    execArgv: [
      '--import',
      'tsx',
      ...(args.heapMegabytes === undefined ? [] : [`--max-old-space-size=${String(args.heapMegabytes)}`]),
    ],
  });
  const ended = once(child, 'exit');
  const endedEarly = ended.then(([code]) => {
    throw new Error(`A worker process ended early (exit ${String(code)}).`);
  });
  endedEarly.catch(() => undefined);
  await Promise.race([once(child, 'message'), endedEarly]);
  return {
    pid: child.pid ?? 0,
    async usage() {
      child.send('usage');
      const [{ rss, cpu }] = (await Promise.race([once(child, 'message'), endedEarly])) as [UsageMessage];
      return { rss, cpuSeconds: (cpu.user + cpu.system) / 1e6 };
    },
    async stop() {
      if (child.connected) child.send('stop');
      await ended;
    },
    async kill9() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
