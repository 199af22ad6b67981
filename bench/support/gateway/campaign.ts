import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, type Dispatcher } from 'undici';
import { createGenerationClient } from '../../../client/index.ts';
import type { Simulator } from '../../../simulator/index.ts';
import { orderUntilTaken, serveCuttingProxy } from '../../../test/support/blind-clients.ts';
import { quickSimulator } from '../batch/compare.ts';
import { say, type Stack } from '../stack/stack.ts';
import { startWorkerProcess } from '../stack/worker-handle.ts';
import { type GatewayProcess, startGatewayProcess } from './gateway-process.ts';

/** The outcome of blind clients that order through a gateway in trouble. */
export interface GatewayCampaignRow {
  trouble: 'killed' | 'replies cut';
  posts: number;
  keys: number;
  kills: number;
  cuts: number;
  /** Workflows that the clients were given. */
  generations: number;
  jobs: number;
  /** Jobs that were charged. */
  bills: number;
  /** Keys for which a client was given an id and whose generation succeeded. */
  ended: number;
  seconds: number;
}

const taskQueue = 'gateway-campaign';
const kills = 5;
const lanes = 50;

/**
 * Clients repeat their orders blindly: first while the gateway is killed five times, then through a proxy that cuts off
 * one reply in five.
 */
export async function runGatewayCampaign(
  stack: Stack,
  size: { keys: number; posts: number },
): Promise<GatewayCampaignRow[]> {
  const simulator = await quickSimulator();
  const { modelApiBase, serverlessApiBase } = simulator;
  const { address } = stack.server;
  const bundlePath = stack.bundles.ours;
  const worker = await startWorkerProcess({ kind: 'ours', address, taskQueue, bundlePath, modelApiBase });
  const env = {
    TEMPORAL_ADDRESS: address,
    RUNCOMFY_TASK_QUEUE: taskQueue,
    RUNCOMFY_MODEL_API_BASE: modelApiBase,
    RUNCOMFY_SERVERLESS_API_BASE: serverlessApiBase,
    RUNCOMFY_API_TOKEN: 'sim-campaign',
    RUNCOMFY_GATEWAY_DRAIN_MS: '0',
  };
  const start = (port: number) => startGatewayProcess(port, env);
  const dispatcher = new Agent({ connections: lanes });
  let gateway = await start(0);
  const { url } = gateway;
  const restart = async () => {
    await gateway.kill9();
    gateway = await start(Number(new URL(url).port));
  };
  try {
    const killed = await post(url, 'killed', size, dispatcher, restart);
    const first = await rowOf('killed', killed, size, { stack, simulator });
    say(`killed ${String(kills)} times: ${String(first.bills)} bills for ${String(size.keys)} keys`);
    const proxy = await serveCuttingProxy(url);
    const cut = await post(proxy.url, 'cut', size, dispatcher);
    proxy.close();
    return [first, { ...(await rowOf('replies cut', cut, size, { stack, simulator })), cuts: proxy.cuts() }];
  } finally {
    await dispatcher.destroy();
    await closeAll(gateway, worker.stop, simulator);
  }
}

async function closeAll(gateway: GatewayProcess, stopWorker: () => Promise<void>, simulator: Simulator) {
  await gateway.stop();
  await stopWorker();
  await simulator.close();
}

interface Posted {
  keys: string[];
  /** The distinct ids that clients received. */
  ids: Set<string>;
  from: number;
}

/** Posts every key equally often, in concurrent lanes; `trouble` is called five times on the way. */
async function post(
  base: string,
  name: string,
  { keys: count, posts }: { keys: number; posts: number },
  dispatcher: Dispatcher,
  trouble?: () => Promise<void>,
): Promise<Posted> {
  const from = performance.now();
  const keys = Array.from({ length: count }, (_, at) => `${name}-${String(at)}`);
  const ids = new Set<string>();
  let [next, taken] = [0, 0];
  const lane = async () => {
    while (next < posts) {
      const key = keys[next++ % count] ?? '';
      ids.add(await orderUntilTaken(base, key, dispatcher));
      taken += 1;
    }
  };
  const clients = Promise.all(Array.from({ length: lanes }, lane));
  for (let kill = 1; trouble && kill <= kills; kill += 1) {
    const due = (posts * kill) / (kills + 1);
    while (taken < due) await Promise.race([sleep(5), clients]);
    await trouble();
  }
  await clients;
  return { keys, ids, from };
}

async function rowOf(
  trouble: GatewayCampaignRow['trouble'],
  { keys, ids, from }: Posted,
  size: { keys: number; posts: number },
  { stack, simulator }: { stack: Stack; simulator: Simulator },
): Promise<GatewayCampaignRow> {
  const generations = createGenerationClient({ client: stack.client, taskQueue });
  const ends = await Promise.all(
    [...ids].map(async (id) =>
      (await generations.get(id)).result().then(
        () => true,
        () => false,
      ),
    ),
  );
  const own = new Set(keys);
  const jobs = simulator.ledger().jobs.filter(({ input }) => own.has(String(input['prompt'])));
  return {
    trouble,
    ...size,
    kills: trouble === 'killed' ? kills : 0,
    cuts: 0,
    generations: ids.size,
    jobs: jobs.length,
    bills: jobs.filter(({ chargedUsd }) => chargedUsd > 0).length,
    ended: ends.filter(Boolean).length,
    seconds: (performance.now() - from) / 1_000,
  };
}
