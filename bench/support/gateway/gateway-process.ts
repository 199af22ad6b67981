import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { copyFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** A gateway in a process of its own. */
export interface GatewayProcess {
  url: string;
  pid: number;
  /** Milliseconds from the start of the process to the first `/readyz` that is 200. */
  readyMs: number;
  /** The memory that it holds now. */
  megabytes: () => number;
  /** The number of its calls of Temporal: those of one RPC, or all. */
  temporalCalls: (name?: string) => Promise<number>;
  /** Kills it, as a crash would. */
  kill9: () => Promise<void>;
  /** Asks it to stop gracefully and resolves to its exit code. */
  stop: () => Promise<number | null>;
}

/** Lays out the command as in an installed package: compiled, as users run it. */
export async function layOutProgram(workflowBundle: string): Promise<{ program: string; remove: () => Promise<void> }> {
  const folder = `${root}.cache/bench/package-${String(process.pid)}`;
  await promisify(execFile)(process.execPath, ['scripts/lay-out-package.mjs', folder], { cwd: root });
  await copyFile(workflowBundle, `${folder}/dist/workflow-bundle.js`);
  return { program: `${folder}/bin/runcomfy-temporal`, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** Starts a gateway and waits until it is ready; rejects if it ends before that. */
export async function startGatewayProcess(
  port: number,
  env: NodeJS.ProcessEnv,
  program = `${root}bin/runcomfy-temporal`,
): Promise<GatewayProcess> {
  const metricsPort = await freePort();
  const from = performance.now();
  const child = spawn(process.execPath, [program, 'gateway', '--port', String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'], RUNCOMFY_METRICS_ADDRESS: `127.0.0.1:${String(metricsPort)}`, ...env },
  });
  const ended = once(child, 'exit') as Promise<[number | null]>;
  const endedEarly = ended.then(([code]) => {
    throw new Error(`The gateway ended early (exit ${String(code)}).`);
  });
  endedEarly.catch(() => undefined);
  const [line] = (await Promise.race([once(child.stdout, 'data'), endedEarly])) as [Buffer];
  const { url } = JSON.parse(line.toString()) as { url: string };
  await Promise.race([untilReady(url), endedEarly]);
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    return (await ended)[0];
  };
  const pid = child.pid ?? 0;
  return {
    url,
    pid,
    readyMs: performance.now() - from,
    megabytes: () =>
      Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))?.[1]) / 1024,
    temporalCalls: async (name) => {
      const text = await (await fetch(`http://127.0.0.1:${String(metricsPort)}/metrics`)).text();
      const lines = text.matchAll(/^runcomfy_gateway_temporal_calls_total\{call="(\w+)"\} (\d+)$/gm);
      return [...lines].reduce(
        (sum, [, call, count]) => sum + (name === undefined || call === name ? Number(count) : 0),
        0,
      );
    },
    kill9: async () => {
      await end('SIGKILL');
    },
    stop: () => end('SIGTERM'),
  };
}

async function untilReady(url: string): Promise<void> {
  while (!(await fetch(`${url}/readyz`)).ok) await sleep(10);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  server.close();
  await once(server, 'close');
  return typeof bound === 'object' ? (bound?.port ?? 0) : 0;
}
