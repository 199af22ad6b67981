import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { goEnvironment } from '../../config/go-environment.ts';
import { messageOf } from '../../domain/text.ts';
import { guardAgainstOrphan } from './orphan-guard.ts';

/** Options of the embedded server; only the program has no default. */
export interface EmbeddedServerOptions {
  /** Path of the `temporal` program, as returned by `findTemporalBinary`. */
  cliPath: string;
  /** Stores the server's data, so that a restart loses nothing. Missing: in memory. */
  dbFile?: string;
  /** Default: a free one. */
  port?: number;
  /** Default: a free one; `false`: no UI. */
  uiPort?: number | false;
  /** Search attributes to create, by name. */
  searchAttributes?: Readonly<Record<string, string>>;
  /** More arguments of `temporal server start-dev`, such as `--dynamic-config-value`. */
  extraArgs?: readonly string[];
  logLevel?: 'debug' | 'info' | 'warn' | 'error' | 'never';
  /** Default 60 s. */
  startTimeoutMs?: number;
}

/** A running local Temporal server. */
export interface EmbeddedServer {
  address: string;
  namespace: string;
  uiUrl?: string;
  pid: number;
  /** Shuts it down; kills it after 10 s. */
  stop: () => Promise<void>;
  /** Kills it, as a crash would. */
  kill9: () => Promise<void>;
  /** Its most recent output. */
  output: () => string;
}

const host = '127.0.0.1';
const namespace = 'default';
const attempts = 3;

/** Rate limits and priorities are exact only in a queue with a single partition; fairness is off by default. */
const dynamicConfig = [
  'matching.numTaskqueueReadPartitions=1',
  'matching.numTaskqueueWritePartitions=1',
  'matching.enableFairness=true',
];

/** Starts `temporal server start-dev` as a child that is killed with this process, and waits until it answers. */
export async function startEmbeddedServer(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  if (options.dbFile !== undefined) await mkdir(dirname(options.dbFile), { recursive: true });
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnce(options);
    } catch (error) {
      // Another process may have taken the port after it was found free.
      const isPortLost = error instanceof Error && /address already in use|can't set .* port/i.test(error.message);
      if (!isPortLost || attempt === attempts) throw error;
    }
  }
}

async function startOnce(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const [freePort, freeUiPort] = await findFreePorts(2);
  const port = options.port ?? freePort ?? 0;
  const uiPort = options.uiPort === false ? undefined : (options.uiPort ?? freeUiPort ?? 0);
  const address = `${host}:${String(port)}`;
  const child = spawn(options.cliPath, argumentsOf(options, port, uiPort), {
    stdio: ['ignore', 'pipe', 'pipe'],
    // In a process group of its own, so that Ctrl-C on the terminal reaches only the workers, which still have
    // something to report.
    detached: true,
    // Keeps this process's environment from the server, since it may hold a token and TEMPORAL_* settings for another
    // server. PATH finds a program that is named without a folder, or a script in its place. HOME is set because the
    // server stores its cluster id there, which belongs next to the data.
    env: {
      ...goEnvironment(),
      ...(options.dbFile !== undefined && { HOME: dirname(options.dbFile) }),
    },
  });
  const output = collectOutput(child);
  await Promise.race([
    once(child, 'spawn'),
    once(child, 'error').then(([error]) => Promise.reject(error as Error)),
  ]).catch((error: unknown) => {
    throw new Error(
      `The Temporal dev server ${options.cliPath} cannot be started: ${String(error)}; set TEMPORAL_CLI_PATH to another one.`,
    );
  });
  const pid = child.pid ?? 0;
  const guard = guardAgainstOrphan(child);
  const end = async (signal: NodeJS.Signals) => {
    const force = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await endChild(child, signal);
    clearTimeout(force);
    guard.release();
  };
  try {
    await waitUntilAnswering(child, address, options, output);
  } catch (error) {
    await end('SIGKILL');
    throw error;
  }
  return {
    address,
    namespace,
    ...(uiPort !== undefined && { uiUrl: `http://${host}:${String(uiPort)}` }),
    pid,
    stop: () => end('SIGTERM'),
    kill9: () => end('SIGKILL'),
    output,
  };
}

function argumentsOf(options: EmbeddedServerOptions, port: number, uiPort: number | undefined): string[] {
  const searchAttributes = Object.entries(options.searchAttributes ?? {});
  return [
    'server',
    'start-dev',
    '--ip',
    host,
    '--port',
    String(port),
    '--namespace',
    namespace,
    ...(uiPort === undefined ? ['--headless'] : ['--ui-port', String(uiPort), '--ui-disable-news-fetch']),
    ...(options.dbFile === undefined ? [] : ['--db-filename', options.dbFile]),
    ...searchAttributes.flatMap(([name, type]) => ['--search-attribute', `${name}=${type}`]),
    '--log-level',
    options.logLevel ?? 'error',
    ...dynamicConfig.flatMap((setting) => ['--dynamic-config-value', setting]),
    ...(options.extraArgs ?? []),
  ];
}

/** Waits until the namespace and the search attributes can be read; an open port alone proves little. */
async function waitUntilAnswering(
  child: ChildProcess,
  address: string,
  options: EmbeddedServerOptions,
  output: () => string,
): Promise<void> {
  const wanted = Object.keys(options.searchAttributes ?? {});
  const timeoutMs = options.startTimeoutMs ?? 60_000;
  const deadline = Date.now() + timeoutMs;
  // `close` comes after its streams have been read completely; the reason is at their end.
  const ended = once(child, 'close').then(() => 'it has ended');
  for (;;) {
    const failure = await Promise.race([probe(address, wanted), ended]);
    if (child.exitCode !== null || child.signalCode !== null) {
      await ended;
      throw new Error(`The Temporal dev server ended at its start: ${lastLines(output())}`);
    }
    if (failure === undefined) return;
    if (Date.now() > deadline) {
      throw new Error(
        `The Temporal dev server did not answer on ${address} within ${String(timeoutMs / 1000)} s (${failure}). ${lastLines(output())}`,
      );
    }
    await sleep(100);
  }
}

async function probe(address: string, searchAttributes: string[]): Promise<string | undefined> {
  let connection: Connection | undefined;
  try {
    // Lazy, so that the channel can be closed below even if it never connects; gRPC would go on trying otherwise.
    connection = Connection.lazy({ address, connectTimeout: 5_000, channelArgs: { 'grpc.enable_http_proxy': 0 } });
    await connection.ensureConnected();
    const connected = connection;
    return await connection.withDeadline(Date.now() + 5_000, async () => {
      await connected.workflowService.describeNamespace({ namespace });
      const { customAttributes } = await connected.operatorService.listSearchAttributes({ namespace });
      const missing = searchAttributes.filter((name) => !(name in customAttributes));
      return missing.length === 0 ? undefined : `search attributes ${missing.join(', ')} are missing`;
    });
  } catch (error) {
    return messageOf(error);
  } finally {
    await connection?.close();
  }
}

async function endChild(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
}

function collectOutput(child: ChildProcess): () => string {
  let text = '';
  const collect = (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-32_000);
  };
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  return () => text;
}

/** The last lines about an error, otherwise the last lines of the output. */
function lastLines(text: string): string {
  const lines = text.trim().split('\n');
  const errors = lines.filter((line) => /error/i.test(line));
  return (errors.length > 0 ? errors.slice(-3) : lines.slice(-5)).join(' · ') || 'it printed nothing.';
}

async function findFreePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, host));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
