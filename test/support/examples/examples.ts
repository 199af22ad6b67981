import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@temporalio/client';
import { inject } from 'vitest';
import { defaultTaskQueue } from '../../../domain/names.ts';
import { type Simulator, startSimulator } from '../../../simulator/index.ts';
import { commandInProcess } from '../command-in-process.ts';
import { connectTo } from '../connect.ts';
import { createNexusEndpoint, registerNamespace } from '../namespaces.ts';
import { createPatience } from '../patience.ts';
import type { CommandResult } from '../processes.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/**
 * An example with a worker computes for two seconds before it orders, most of it bundling, and eight processes would do
 * so.
 */
const bundleOnce = ['--import', './test/support/examples/bundle-once.mjs'];
const hasWorker = (example: string) => existsSync(path.join(root, 'examples', path.dirname(example), 'workflows.ts'));

/** How a program ended. */
export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A running program: an example, or the worker. */
export interface Running {
  /** Its output so far. */
  output: () => string;
  kill: (signal: NodeJS.Signals) => void;
  ended: Promise<Ended>;
}

/**
 * The surroundings of an example: a namespace of its own on the shared server, a simulated RunComfy, and a worker
 * process.
 */
export interface Surroundings {
  client: Client;
  simulator: Simulator;
  /** Starts an example by its path below `examples/`: TypeScript with tsx, or Python with the given `python`. */
  example: (file: string, args?: string[], python?: string) => Running;
  /** Starts any program in the environment of the examples. */
  program: (program: string, args: string[]) => Running;
  /** Creates a Nexus endpoint for the worker; returns its name. */
  endpoint: () => Promise<string>;
  /** Runs one command line in this process. */
  command: (args: string[]) => Promise<CommandResult>;
  stop: () => Promise<void>;
}

/**
 * Starts the surroundings. Examples use the documented names as they are, including task queue `runcomfy`, so a
 * namespace of their own keeps them apart.
 */
export async function startSurroundings(): Promise<Surroundings> {
  const undo: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const address = inject('temporalAddress');
    const connection = await connectTo(address);
    undo.push(() => connection.close());
    const namespace = `examples-${randomUUID()}`;
    await registerNamespace(connection, namespace);
    const client = new Client({ connection, namespace });
    const simulator = await startSimulator({ seed: 5, scenario: 'quick' });
    undo.push(() => simulator.close());
    const stateDir = await mkdtemp(path.join(tmpdir(), 'runcomfy-examples-'));
    undo.push(() => rm(stateDir, { recursive: true, force: true }));

    const temporal = { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace };
    const env = { ...cleanEnvironment(), ...temporal, EXAMPLE_BUNDLES: stateDir };
    const runcomfy = {
      RUNCOMFY_MODEL_API_BASE: simulator.modelApiBase,
      RUNCOMFY_SERVERLESS_API_BASE: simulator.serverlessApiBase,
      RUNCOMFY_API_TOKEN: 'sim-examples',
      RUNCOMFY_STATE_DIR: stateDir,
      RUNCOMFY_NEXUS: 'on',
    };
    const worker = run(process.execPath, [inject('programPath'), 'worker'], { ...env, ...runcomfy });
    undo.push(async () => {
      worker.kill('SIGTERM');
      await worker.ended;
    });
    await Promise.race([
      until(() => worker.output().includes('worker started'), 'the worker started', worker.output),
      worker.ended.then(({ stderr }) => Promise.reject(new Error(`The worker ended: ${stderr}`))),
    ]);
    const program = (file: string, args: string[]) => {
      const running = run(file, args, env);
      undo.push(() => {
        running.kill('SIGKILL');
        return running.ended;
      });
      return running;
    };
    return {
      client,
      simulator,
      stop,
      program,
      endpoint: () => createNexusEndpoint(connection, { namespace, taskQueue: defaultTaskQueue }),
      command: (args) => commandInProcess(args, { TEMPORAL_NAMESPACE: namespace, ...runcomfy }),
      example(file, args = [], python) {
        const script = path.join('examples', file);
        return python === undefined
          ? program(process.execPath, ['--import', 'tsx/esm', ...(hasWorker(file) ? bundleOnce : []), script, ...args])
          : program(python, [script, ...args]);
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Starts a program in the project's folder. */
export function run(program: string, args: string[], env: NodeJS.ProcessEnv = cleanEnvironment()): Running {
  const child = spawn(program, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text;
    });
  }
  return {
    output: () => texts.stdout + texts.stderr,
    kill: (signal) => void child.kill(signal),
    ended: endOf(child).then((code) => ({ code, ...texts })),
  };
}

/** Waits until a condition holds; if it never does, the error says what was seen instead. */
export async function until(isSo: () => boolean, what: string, seen: () => string): Promise<void> {
  const patience = createPatience();
  while (!isSo()) {
    if (patience.isOver()) throw new Error(`It never came that ${what}; seen: ${seen()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function endOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
}

/** The environment without the tests' own settings, for programs that should find a fresh machine. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const isOurs = (name: string) => /^(RUNCOMFY|TEMPORAL|VITEST)/.test(name) || name === 'NODE_OPTIONS';
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !isOurs(name)));
}
