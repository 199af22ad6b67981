import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from 'undici';
import { createGenerationClient } from '../../../client/index.ts';
import { pauseSubmits, resumeSubmits } from '../../../client/operator/index.ts';
import { type SimulatorHandle, startSimulatorProcess } from '../stack/simulator-handle.ts';
import { say, type Stack } from '../stack/stack.ts';
import { startWorkerProcess } from '../stack/worker-handle.ts';
import { inLanes } from './drive.ts';
import { figureOf, type GatewayFigure } from './figure.ts';
import { type GatewayProcess, layOutProgram, startGatewayProcess } from './gateway-process.ts';
import { listeners } from './listeners.ts';
import { model, orders } from './orders.ts';
import { agesOfPhases } from './phases.ts';
import { endedReads, manyPolls, openReads, pollsOfWaiting, type Subject } from './reads.ts';

const taskQueue = 'bench-gateway';
const listenedTo = 200;
const pollMs = 60_000;
const settledMs = 5_000;

/** The setup of the measurement: worker and simulator in processes of their own, and gateways as installed. */
export interface Bench {
  stack: Stack;
  simulator: SimulatorHandle;
  startGateway: () => Promise<GatewayProcess>;
  /** Starts generations and resolves to their keys. */
  start: (count: number) => Promise<string[]>;
  untilEnded: (keys: readonly string[]) => Promise<void>;
}

/** Measures all figures, each beside its counterpart. */
export function measureGateway(stack: Stack, size: { open: number; listeners: number }): Promise<GatewayFigure[]> {
  return withBench(stack, async (bench) => {
    const { simulator, startGateway, start, untilEnded } = bench;
    const gateway = await startGateway();
    await sleep(settledMs);
    const dispatcher = new Agent({ connections: 50 });
    const subject: Subject = { stack, gateway, dispatcher };
    const rows = [
      figureOf('from the start of the process to ready', 's', gateway.readyMs / 1_000, { atMost: 2 }),
      figureOf('memory at rest', 'MB', gateway.megabytes(), { atMost: 150 }),
    ];
    const add = (more: GatewayFigure[]) => {
      for (const { figure } of more) say(`measured: ${figure}`);
      rows.push(...more);
    };
    const ordered = await orders(subject, { taskQueue, untilEnded });
    add(ordered.rows);
    const [ended = ''] = await start(1);
    await untilEnded([...ordered.keys, ended]);
    add(await endedReads(subject, ended));
    const bills = (await simulator.jobs()).filter(({ chargedUsd }) => chargedUsd > 0).length;
    add([figureOf('bills an order', '', bills / (ordered.keys.length + 1), { atLeast: 1, atMost: 1 })]);

    await simulator.hold();
    const before = (await simulator.jobs()).length;
    const open = await start(size.open);
    while ((await simulator.jobs()).length < before + size.open) await sleep(500);
    // Fresh generations are read at short intervals; these reads must not be counted.
    await sleep(settledMs);
    add(await openReads(subject, open.slice(0, listenedTo)));
    add(await manyPolls(subject, open, pollMs));
    await pauseSubmits(stack.client, taskQueue, 'measured');
    const waiting = await start(size.open);
    add(await pollsOfWaiting(subject, waiting, pollMs / 2));
    add(await agesOfPhases(subject, waiting, () => resumeSubmits(stack.client, taskQueue)));
    await simulator.release();
    await gateway.stop();
    await untilEnded([...open, ...waiting]);

    await simulator.hold();
    const keys = await start(listenedTo);
    const gateways: [GatewayProcess, GatewayProcess] = [await startGateway(), await startGateway()];
    await sleep(settledMs);
    const { client } = stack;
    add(await listeners({ client, gateways, keys, count: size.listeners, release: simulator.release }));
    await gateways[0].stop();
    await dispatcher.close();
    return rows;
  });
}

/** Starts the setup and stops it, whether or not the measurement succeeds. */
export async function withBench<T>(stack: Stack, use: (bench: Bench) => Promise<T>): Promise<T> {
  const simulator = await startSimulatorProcess({
    seed: 3,
    profiles: { '*': { queueMs: 100, runMs: 100 } },
    switches: { max_parallel: 5_000, wallet_usd: 1_000_000 },
  });
  const { modelApiBase } = simulator;
  const { address } = stack.server;
  const bundlePath = stack.bundles.ours;
  const worker = await startWorkerProcess({ kind: 'ours', address, taskQueue, bundlePath, modelApiBase });
  const { program, remove } = await layOutProgram(bundlePath);
  const running: GatewayProcess[] = [];
  const env = {
    TEMPORAL_ADDRESS: address,
    RUNCOMFY_TASK_QUEUE: taskQueue,
    RUNCOMFY_MODEL_API_BASE: modelApiBase,
    RUNCOMFY_SERVERLESS_API_BASE: `${new URL(modelApiBase).origin}/prod/v2`,
    RUNCOMFY_API_TOKEN: 'sim-bench',
    RUNCOMFY_GATEWAY_DRAIN_MS: '0',
  };
  const generations = createGenerationClient({ client: stack.client, taskQueue });
  try {
    return await use({
      stack,
      simulator,
      startGateway: async () => {
        const gateway = await startGatewayProcess(0, env, program);
        running.push(gateway);
        return gateway;
      },
      start: async (count) => {
        const keys = Array.from({ length: count }, () => `bench-${randomUUID()}`);
        await inLanes(count, 20, async (at) => {
          const key = keys[at] ?? '';
          await generations.start({ model, input: { prompt: key } }, { key });
        });
        return keys;
      },
      untilEnded: async (keys) => {
        await inLanes(keys.length, 50, async (at) =>
          (await generations.get(keys[at] ?? '')).result().catch(() => undefined),
        );
      },
    });
  } finally {
    for (const gateway of running) await gateway.kill9();
    await remove();
    await worker.stop();
    await simulator.stop();
  }
}
