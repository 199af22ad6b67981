import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client, type Connection } from '@temporalio/client';
import { afterAll, beforeAll, beforeEach, inject } from 'vitest';
import { type Simulator, startSimulator } from '../../simulator/index.ts';
import { commandInProcess } from './command-in-process.ts';
import { connectTo } from './connect.ts';
import { type Ended, run, type Running, until } from './examples/examples.ts';
import { flux } from './simulator-client.ts';
import { onTestFinished } from './test-end.ts';

/** The JSON document that a command printed, and how the command ended. */
export interface Done<Document> extends Ended {
  document: Document;
}

/** The document printed by a command that failed. */
export interface Failure {
  error: { type: string; message: string; requestId?: string; key?: string; issues?: { path: string }[] };
}

/**
 * The command line together with a worker and a simulator, started once for all tests of a file. The simulator is reset
 * before each test.
 */
export interface CliStack {
  taskQueue: string;
  input: string;
  simulator: () => Simulator;
  client: () => Client;
  directory: () => string;
  environment: () => Record<string, string>;
  /** Starts a command in a process of its own. */
  start: (args: string[]) => Running;
  /** Runs a command whose standard output is one JSON document. */
  json: <Document = Failure>(args: string[], env?: Record<string, string>) => Promise<Done<Document>>;
  /** Like `json`, in a process of its own, so that several can run at once. */
  jsonOfProcess: <Document = Failure>(args: string[]) => Promise<Done<Document>>;
  generate: (key: string, ...more: string[]) => string[];
  newKey: () => string;
  /** From now on, outputs are served from another host than the API's. */
  serveFilesElsewhere: () => Promise<{ host: string }>;
  jobs: () => ReturnType<Simulator['ledger']>['jobs'];
  totals: () => ReturnType<Simulator['ledger']>['totals'];
}

/** Starts the stack before the tests of the calling file, and stops it after them. */
export function cliStack(): CliStack {
  const taskQueue = `cli-${randomUUID()}`;
  const input = JSON.stringify({ prompt: 'a lighthouse' });
  let simulator: Simulator;
  let directory: string;
  let worker: Running;
  let connection: Connection;
  let environment: Record<string, string>;

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'runcomfy-cli-'));
    simulator = await startSimulator({ seed: 3, scenario: 'quick' });
    connection = await connectTo();
    environment = {
      PATH: process.env['PATH'] ?? '',
      HOME: directory,
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      TEMPORAL_NAMESPACE: inject('temporalNamespace'),
      RUNCOMFY_TASK_QUEUE: taskQueue,
      RUNCOMFY_MODEL_API_BASE: simulator.modelApiBase,
      RUNCOMFY_SERVERLESS_API_BASE: simulator.serverlessApiBase,
      RUNCOMFY_STATE_DIR: path.join(directory, 'state'),
    };
    worker = start(['worker'], { RUNCOMFY_API_TOKEN: 'sim-cli' });
    await Promise.race([
      until(() => worker.output().includes('worker started'), 'the worker started', worker.output),
      worker.ended.then(({ stdout, stderr }) => Promise.reject(new Error(`The worker ended: ${stdout}${stderr}`))),
    ]);
  });

  afterAll(async () => {
    worker.kill('SIGTERM');
    await worker.ended;
    await simulator.close();
    await connection.close();
    await rm(directory, { recursive: true, force: true });
  });

  beforeEach(() => {
    simulator.reset();
    simulator.setScenario('quick');
  });

  function start(args: string[], env: Record<string, string> = {}): Running {
    return run(process.execPath, [inject('programPath'), ...args], { ...environment, ...env });
  }

  return {
    taskQueue,
    input,
    simulator: () => simulator,
    client: () => new Client({ connection, namespace: inject('temporalNamespace') }),
    directory: () => directory,
    environment: () => environment,
    start: (args) => start(args),
    json: async <Document = Failure>(args: string[], env: Record<string, string> = {}): Promise<Done<Document>> => {
      const variables = { ...environment, ...env };
      const { exitCode: code, ...printed } = await commandInProcess([...args, '--output', 'json'], variables);
      return { code, ...printed, document: JSON.parse(printed.stdout) as Document };
    },
    jsonOfProcess: async <Document = Failure>(args: string[]): Promise<Done<Document>> => {
      const ended = await start([...args, '--output', 'json']).ended;
      return { ...ended, document: JSON.parse(ended.stdout) as Document };
    },
    generate: (key, ...more) => ['generate', flux, '--input', input, '--key', key, ...more],
    newKey: () => `cli-${randomUUID()}`,
    serveFilesElsewhere: async () => {
      const files = createServer((_request, response) => {
        response.writeHead(200, { 'content-type': 'image/png' }).end('a picture');
      });
      files.listen(0, '127.0.0.1');
      await once(files, 'listening');
      onTestFinished(() => void files.close());
      const host = `127.0.0.1:${String((files.address() as AddressInfo).port)}`;
      simulator.setSwitches({ output_host: `http://${host}` });
      return { host };
    },
    jobs: () => simulator.ledger().jobs,
    totals: () => simulator.ledger().totals,
  };
}
