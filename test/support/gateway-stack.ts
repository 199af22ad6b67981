import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import pino, { type Logger } from 'pino';
import { afterAll, beforeAll, inject } from 'vitest';
import { createGatewayCatalogue } from '../../cli/gateway-catalogue.ts';
import { createWebhookCheck } from '../../cli/gateway-webhooks.ts';
import { readConfig } from '../../config/env.ts';
import { type RunningGateway, serveGateway } from '../../gateway/serve-gateway.ts';
import { createRunComfyClient } from '../../runcomfy/client.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../simulator/index.ts';
import { createGenerationWorker, type GenerationWorkerOptions } from '../../worker/index.ts';
import { connectTo } from './connect.ts';
import { hangMs } from './patience.ts';
import { quietRuntime } from './quiet-runtime.ts';
import { onTestFinished } from './test-end.ts';
import { untilPolled } from './until-polled.ts';

const token = 'sim-gateway';

/** A gateway together with a worker and a simulator, all in this process, started once for all tests of a file. */
export interface GatewayStack {
  client: () => Client;
  simulator: () => Simulator;
  taskQueue: string;
  /** URL of the gateway that all tests share: on loopback, without API keys. */
  url: () => string;
  /** Starts another gateway with settings of its own; it stops at the end of the test. */
  serve: (env?: NodeJS.ProcessEnv, log?: Logger) => Promise<RunningGateway>;
  /** Starts another worker, on another server; the returned function stops it. */
  startWorker: (address: string) => Promise<() => Promise<void>>;
  environment: () => NodeJS.ProcessEnv;
  stopWorker: () => Promise<void>;
}

/** Starts the stack before the tests of the calling file, and stops it after them. */
export function gatewayStack(
  options: SimulatorOptions = {},
  ofWorker: Pick<GenerationWorkerOptions, 'webhooks'> = {},
): GatewayStack {
  const taskQueue = `gateway-${randomUUID()}`;
  const undo: (() => unknown)[] = [];
  let simulator: Simulator;
  let shared: RunningGateway;
  let client: Client;
  let stopWorker: () => Promise<void>;

  beforeAll(async () => {
    quietRuntime();
    simulator = await startSimulator({
      seed: 5,
      profiles: { '*': { queueMs: 300, runMs: 300 } },
      switches: { max_parallel: 1_000, wallet_usd: 10_000 },
      ...options,
    });
    undo.push(() => simulator.close());
    const connection = await connectTo();
    undo.push(() => connection.close());
    client = new Client({ connection });
    stopWorker = await startWorker(client, inject('temporalAddress'));
    undo.push(() => stopWorker());
    shared = await open();
    undo.push(() => shared.close());
  });

  afterAll(async () => {
    for (const step of undo.splice(0).reverse()) await step();
  });

  async function startWorker(client: Client, address: string): Promise<() => Promise<void>> {
    const stateDir = await mkdtemp(path.join(tmpdir(), 'runcomfy-gateway-'));
    const native = await NativeConnection.connect({ address });
    const { modelApiBase, serverlessApiBase } = simulator;
    const runcomfy = createRunComfyClient({ modelApiBase, serverlessApiBase, token: () => token });
    const worker = await createGenerationWorker({
      connection: native,
      client,
      namespace: 'default',
      runcomfy,
      stateDir,
      taskQueue,
      log: pino({ level: 'silent' }),
      workflowBundle: { codePath: inject('workflowBundlePath') },
      ...ofWorker,
    });
    const done = worker.run();
    await untilPolled(client, taskQueue);
    let isStopped = false;
    return async () => {
      if (isStopped) return;
      isStopped = true;
      worker.shutdown();
      await done;
      await native.close();
      await runcomfy.close();
      await rm(stateDir, { recursive: true, force: true });
    };
  }

  function environment(): NodeJS.ProcessEnv {
    return {
      TEMPORAL_ADDRESS: inject('temporalAddress'),
      TEMPORAL_NAMESPACE: inject('temporalNamespace'),
      RUNCOMFY_TASK_QUEUE: taskQueue,
      RUNCOMFY_MODEL_API_BASE: simulator.modelApiBase,
      RUNCOMFY_SERVERLESS_API_BASE: simulator.serverlessApiBase,
      RUNCOMFY_API_TOKEN: token,
      RUNCOMFY_GATEWAY_ADDRESS: '127.0.0.1:0',
      RUNCOMFY_GATEWAY_DRAIN_MS: '0',
    };
  }

  async function open(env: NodeJS.ProcessEnv = {}, log = pino({ level: 'silent' })): Promise<RunningGateway> {
    const config = readConfig({ ...environment(), ...env });
    const { modelApiBase, serverlessApiBase } = simulator;
    const runcomfy = createRunComfyClient({ modelApiBase, serverlessApiBase, token: () => token });
    const gateway = await serveGateway({
      config,
      gateway: config.gateway,
      log,
      checkWebhook: await createWebhookCheck(config, log),
      temporal: {
        connectionOptions: { address: env['TEMPORAL_ADDRESS'] ?? inject('temporalAddress') },
        namespace: 'default',
      },
      // Waits long for schemas, so that even on a busy machine no input passes unchecked.
      catalogue: createGatewayCatalogue(config, runcomfy, { answerWithinMs: hangMs }),
    });
    return {
      ...gateway,
      close: async (options) => {
        await gateway.close(options);
        await runcomfy.close();
      },
    };
  }

  return {
    taskQueue,
    environment,
    client: () => client,
    simulator: () => simulator,
    url: () => shared.url,
    serve: async (env, log) => {
      const gateway = await open(env, log);
      onTestFinished(() => gateway.close({ isAbrupt: true }));
      return gateway;
    },
    stopWorker: () => stopWorker(),
    startWorker: async (address) => {
      const connection = await connectTo(address);
      const stop = await startWorker(new Client({ connection }), address);
      return async () => {
        await stop();
        await connection.close();
      };
    },
  };
}

/** An answer of a gateway. */
export interface GatewayAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  json: Record<string, unknown>;
}

export interface GatewayCall {
  method?: string;
  headers?: Record<string, string | string[]>;
  /** An object is sent as JSON, with its content type. */
  body?: string | Buffer | object;
}

/** Makes one HTTP call exactly as given: nothing is normalised or added, and no redirect is followed. */
export function call(base: string, target: string, { method = 'GET', headers = {}, body }: GatewayCall = {}) {
  const isJson = typeof body === 'object' && !Buffer.isBuffer(body);
  const bytes = isJson ? JSON.stringify(body) : body;
  const { hostname, port } = new URL(base);
  return new Promise<GatewayAnswer>((resolve, reject) => {
    const sent = request(
      {
        hostname,
        port,
        path: target,
        method,
        agent: false,
        headers: {
          ...(isJson && { 'content-type': 'application/json' }),
          ...(bytes !== undefined && { 'content-length': String(Buffer.byteLength(bytes)) }),
          ...headers,
        },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('error', reject).on('end', () => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json: objectOf(text) });
        });
      },
    );
    sent.on('error', reject).end(bytes);
  });
}

function objectOf(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** Polls a request as RunComfy's clients do until it is over; fails if a read fails. */
export async function untilOver(base: string, id: string): Promise<{ status: GatewayAnswer; result: GatewayAnswer }> {
  for (;;) {
    const status = await call(base, `/v1/requests/${id}/status`);
    if (status.status !== 200) throw new Error(`${id}: ${String(status.status)} ${status.text}`);
    if (status.json['status'] === 'completed' || status.json['status'] === 'cancelled') {
      return { status, result: await call(base, `/v1/requests/${id}/result?include_cost=true`) };
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
