import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { type EmbeddedServer, startEmbeddedServer } from '../../../cli/dev-server/server.ts';
import { findTemporalBinary } from '../../../cli/dev-server/temporal-binary.ts';
import { readConfig } from '../../../config/env.ts';
import { searchAttributes } from '../../../domain/names.ts';
import type { Simulator } from '../../../simulator/index.ts';
import { say } from '../stack/stack.ts';
import { itemsOf, quickSimulator } from './compare.ts';
import { peakMegabytesOf } from './processes.ts';

/**
 * The environment of a campaign: the command of an installed package, a server whose database outlives it, and a fast
 * RunComfy.
 */
export interface Installation {
  folder: string;
  /** A file with the items. */
  file: string;
  taskQueue: string;
  /** The worker's token. */
  token: string;
  simulator: Simulator;
  client: Client;
  startWorker: () => Promise<WorkerProcess>;
  /** Starts `runcomfy-temporal batch` with these arguments in a folder. It is killed at `giveUpAt`. */
  startCommand: (args: string[], folder: string, giveUpAt: number) => CommandProcess;
  /** Everything that the commands have written to standard error. */
  printed: () => string;
  /** The most memory that any command has held, in megabytes. */
  commandPeakMegabytes: () => number;
  /** Kills the server and starts it again on the same database and port. */
  killServer: () => Promise<void>;
  /** Registers a step for the cleanup. Steps run in reverse order, before the environment is removed. */
  undo: (step: () => unknown) => void;
}

/** A worker of an installed package. */
export interface WorkerProcess {
  pid: number;
  /** Kills the worker, as a crash would. */
  kill9: () => Promise<void>;
}

/** A command in a process of its own. */
export interface CommandProcess {
  stdout: Readable;
  kill: () => void;
  hasEnded: () => boolean;
  /** The exit code; `null` if the command was killed. */
  ended: Promise<number | null>;
}

const root = fileURLToPath(new URL('../../../', import.meta.url));
const taskQueue = 'campaign';
const token = 'sim-campaign';

/** Sets up the environment, runs a campaign in it, and removes it whether or not the campaign succeeds. */
export async function onInstallation<Row>(items: number, run: (on: Installation) => Promise<Row>): Promise<Row> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-campaign-'));
  const steps: (() => unknown)[] = [() => rm(folder, { recursive: true, force: true })];
  const undo = (step: () => unknown) => {
    steps.push(step);
  };
  try {
    // Inside the clone, because the program uses its libraries.
    const program = path.join(root, `.cache/bench-package-${String(process.pid)}`);
    undo(() => rm(program, { recursive: true, force: true }));
    execFileSync(process.execPath, ['scripts/lay-out-package.mjs', program], { cwd: root, stdio: 'ignore' });
    const file = path.join(folder, 'items.jsonl');
    await pipeline(Readable.from(linesOf(items)), createWriteStream(file));
    const { path: cliPath } = await findTemporalBinary({ cliPath: readConfig().temporalCliPath, onNote: say });
    const options = { cliPath, uiPort: false, searchAttributes, dbFile: path.join(folder, 'temporal.db') } as const;
    let temporal: EmbeddedServer = await startEmbeddedServer(options);
    undo(() => temporal.stop());
    const { address } = temporal;
    const simulator = await quickSimulator();
    undo(() => simulator.close());
    const connection = await Connection.connect({ address });
    undo(() => connection.close());
    const env = { PATH: process.env['PATH'] ?? '', TEMPORAL_ADDRESS: address, RUNCOMFY_TASK_QUEUE: taskQueue };
    let [printed, commandPeak] = ['', 0];
    const startCommand = (args: string[], cwd: string, giveUpAt: number): CommandProcess => {
      const child = spawn(process.execPath, [path.join(program, 'bin/runcomfy-temporal'), 'batch', ...args], {
        cwd,
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      child.stderr.on('data', (chunk: Buffer) => (printed += chunk.toString()));
      const kill = () => void child.kill('SIGKILL');
      const weighing = setInterval(() => {
        commandPeak = Math.max(commandPeak, peakMegabytesOf(child.pid ?? 0));
      }, 200);
      const end = setTimeout(kill, Math.max(0, giveUpAt - Date.now()));
      const ended = once(child, 'exit').then(([code]) => {
        clearInterval(weighing);
        clearTimeout(end);
        return code as number | null;
      });
      undo(kill);
      return {
        stdout: child.stdout,
        kill,
        ended,
        hasEnded: () => child.exitCode !== null || child.signalCode !== null,
      };
    };
    const startWorker = async (): Promise<WorkerProcess> => {
      const { modelApiBase, serverlessApiBase } = simulator;
      const child = spawn(process.execPath, [path.join(program, 'bin/runcomfy-temporal'), 'worker'], {
        env: {
          ...env,
          RUNCOMFY_API_TOKEN: token,
          RUNCOMFY_MODEL_API_BASE: modelApiBase,
          RUNCOMFY_SERVERLESS_API_BASE: serverlessApiBase,
          RUNCOMFY_STATE_DIR: path.join(folder, 'state'),
        },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      const ended = once(child, 'exit').then(() => undefined);
      const end = (signal: NodeJS.Signals) => {
        child.kill(signal);
        return ended;
      };
      undo(() => end('SIGKILL'));
      let log = '';
      const isWorking = new Promise<void>((resolve) => {
        child.stderr.on('data', (chunk: Buffer) => {
          // Bounded, because every poll logs a killed server.
          log = (log + chunk.toString()).slice(-4_000);
          if (log.includes('worker started')) resolve();
        });
      });
      await Promise.race([isWorking, ended.then(() => Promise.reject(new Error(`the worker ended: ${log}`)))]);
      return { pid: child.pid ?? 0, kill9: () => end('SIGKILL') };
    };
    return await run({
      folder,
      file,
      taskQueue,
      token,
      simulator,
      client: new Client({ connection }),
      startWorker,
      startCommand,
      printed: () => printed,
      commandPeakMegabytes: () => commandPeak,
      killServer: async () => {
        await temporal.kill9();
        temporal = await startEmbeddedServer({ ...options, port: Number(address.split(':')[1]) });
      },
      undo,
    });
  } finally {
    for (const step of steps.reverse()) await Promise.resolve(step()).catch(() => undefined);
  }
}

function* linesOf(count: number) {
  for (const item of itemsOf(count)) yield `${JSON.stringify(item)}\n`;
}
