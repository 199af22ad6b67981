import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inject } from 'vitest';
import { withoutUndefined } from '../../domain/json.ts';
import { createPatience, hangMs } from './patience.ts';
import { findSecret } from './secret-search.ts';
import { onTestFinished } from './test-end.ts';

/** The token of processes that are not given another one. */
const processToken = 'sim-token-of-a-test-process';

/** The settings of a process. */
export interface ProcessSettings {
  temporalAddress: string;
  /** Default `default`. */
  temporalNamespace?: string;
  modelApiBase: string;
  serverlessApiBase?: string;
  taskQueue: string;
  /** Default `processToken`. */
  token?: string;
  env?: Record<string, string>;
}

export interface WorkerProcess {
  readonly pid: number;
  readonly stateDir: string;
  /** Its output so far. */
  readonly output: () => string;
  /** Its arguments as everybody on the machine can read them; empty once it has ended. */
  readonly commandLine: () => Promise<string>;
  /** Kills it, as a crash would. */
  readonly kill9: () => Promise<void>;
  /** Asks it to shut down gracefully; returns its exit code. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<number | null>;
}

export interface CommandResult {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/**
 * Starts `runcomfy-temporal worker` and waits until it is running. It is killed at the end of the test, which fails if
 * the process leaked its token anywhere.
 */
export async function startWorkerProcess(
  settings: ProcessSettings,
  { stateDir = '' }: { stateDir?: string } = {},
): Promise<WorkerProcess> {
  const folder = stateDir === '' ? await temporaryFolder() : stateDir;
  const { token = processToken } = settings;
  const child = spawn(process.execPath, [inject('programPath'), 'worker'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environmentOf(settings, { RUNCOMFY_STATE_DIR: folder }),
  });
  const output = collect(child);
  const worker: WorkerProcess = {
    pid: child.pid ?? 0,
    stateDir: folder,
    output,
    commandLine: () => readCommandLine(child.pid),
    kill9: () => end(child, 'SIGKILL').then(() => undefined),
    stop: (signal = 'SIGTERM') => end(child, signal),
  };
  onTestFinished(async () => {
    const commandLine = await worker.commandLine();
    await worker.kill9();
    refuseSecret(token, { 'output of the worker': output(), 'arguments of the worker': commandLine });
  });
  const patience = createPatience();
  while (!output().includes('worker started')) {
    if (child.exitCode !== null || patience.isOver()) throw new Error(`The worker did not start: ${output()}`);
    await sleep(50);
  }
  return worker;
}

/** Runs one command line of `runcomfy-temporal` to its end; fails if it leaked its token anywhere. */
export async function runCommand(
  args: string[],
  settings: Partial<ProcessSettings>,
  stdin = '',
): Promise<CommandResult> {
  const child = spawn(process.execPath, [inject('programPath'), ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: environmentOf(settings),
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  // Listens early, since the event could be missed while this process is busy.
  const closed = once(child, 'close') as Promise<[number | null]>;
  child.stdin.on('error', () => undefined);
  // Read while the command waits for its input and is certain to be running.
  const commandLine = await readCommandLine(child.pid);
  child.stdin.end(stdin);
  const [exitCode] = await closed;
  refuseSecret(settings.token ?? processToken, { stdout, stderr, 'arguments of the command': commandLine });
  return { exitCode, stdout, stderr };
}

/** Creates a folder that is removed at the end of the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'runcomfy-temporal-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

const portsOfOne = 500;
const firstPort = 10_000 + (process.pid % 44) * portsOfOne;
let nextPort = randomInt(portsOfOne);

/**
 * A free port, below the range from which systems assign ports. It therefore stays free until it is used, and also
 * while whatever listens on it is restarted.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    // Each process uses its own range, so that no other process is given the port before it is used.
    const port = firstPort + (nextPort++ % portsOfOne);
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    await once(server.close(), 'close');
    return port;
  }
}

/** Waits until `probe` returns something; fails with `what` if that takes too long. */
export async function until<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  withinMs = hangMs,
): Promise<T> {
  const patience = createPatience(withinMs);
  for (;;) {
    const found = await probe();
    if (found !== undefined && found !== false) return found;
    if (patience.isOver()) throw new Error(`waited ${String(withinMs / 1000)} s in vain until ${what}`);
    await sleep(50);
  }
}

/**
 * The environment of a process: of the test's own environment only `PATH`, since a user's token must not reach a test.
 */
export function environmentOf(
  settings: Partial<ProcessSettings>,
  more: Record<string, string> = {},
): Record<string, string> {
  const {
    temporalAddress,
    temporalNamespace = 'default',
    modelApiBase,
    serverlessApiBase,
    taskQueue,
    token = processToken,
    env,
  } = settings;
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: tmpdir(),
    NO_COLOR: '1',
    TEMPORAL_NAMESPACE: temporalNamespace,
    RUNCOMFY_API_TOKEN: token,
    ...withoutUndefined({
      TEMPORAL_ADDRESS: temporalAddress,
      RUNCOMFY_MODEL_API_BASE: modelApiBase,
      RUNCOMFY_SERVERLESS_API_BASE: serverlessApiBase,
      RUNCOMFY_TASK_QUEUE: taskQueue,
    }),
    ...more,
    ...env,
  };
}

function refuseSecret(secret: string, places: Record<string, string>): void {
  const found = findSecret(secret, places);
  if (found.length > 0) throw new Error(`the token was shown in: ${found.join(', ')}`);
}

function collect(child: ChildProcess): () => string {
  let text = '';
  const add = (chunk: Buffer) => {
    text += chunk.toString();
  };
  child.stdout?.on('data', add);
  child.stderr?.on('data', add);
  return () => text;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const ended = once(child, 'exit') as Promise<[number | null]>;
  child.kill(signal);
  return (await ended)[0];
}

/** Reads the command line from `/proc` on Linux; empty on other systems. */
async function readCommandLine(pid: number | undefined): Promise<string> {
  return await readFile(`/proc/${String(pid)}/cmdline`, 'utf8').catch(() => '');
}
