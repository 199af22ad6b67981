import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { createGenerationClient } from '../../../client/index.ts';
import { type Simulator, startSimulator } from '../../../simulator/index.ts';
import { say, type Stack } from '../stack/stack.ts';
import { startWorkerProcess } from '../stack/worker-handle.ts';
import { cpuSecondsOf, peakMegabytesOf, runsOf } from './processes.ts';

/** The cost of one way to run the items. */
export interface DesignRow {
  subject: string;
  items: number;
  jobs: number;
  seconds: number;
  itemsPerSecond: number;
  /** Of all runs of the parent together, per item; 0 if there is no parent. */
  eventsPerItem: number;
  bytesPerItem: number;
  /** Of the largest run. */
  largestRunEvents: number;
  largestRunBytes: number;
  serverCpuMsPerItem: number;
  workerCpuMsPerItem: number;
  workerPeakMegabytes: number;
}

const model = 'blackforestlabs/flux-2-klein/4b/text-to-image';

/** Runs the same items in each way, one after another, on the same server. */
export async function compareDesigns(stack: Stack, items: number, window: number): Promise<DesignRow[]> {
  const bundlePath = path.join(tmpdir(), `bench-designs-${randomUUID()}.cjs`);
  const workflowsPath = fileURLToPath(new URL('designs.ts', import.meta.url));
  await writeFile(bundlePath, (await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('WARN') })).code);
  try {
    const rows: DesignRow[] = [];
    for (const subject of ['generations by a client', 'batch', 'awaited children', 'signalling children'] as const) {
      const row = await measure(stack, { subject, items, window, bundlePath });
      say(`${subject}: ${row.itemsPerSecond.toFixed(1)} items/s, ${row.eventsPerItem.toFixed(2)} events an item`);
      rows.push(row);
    }
    return rows;
  } finally {
    await rm(bundlePath, { force: true });
  }
}

interface Contest {
  subject: 'generations by a client' | 'batch' | 'awaited children' | 'signalling children';
  items: number;
  window: number;
  bundlePath: string;
}

async function measure(stack: Stack, { subject, items, window, bundlePath }: Contest): Promise<DesignRow> {
  const { client, server, bundles } = stack;
  const simulator = await quickSimulator();
  const key = subject.replaceAll(' ', '-');
  const shared = { address: server.address, modelApiBase: simulator.modelApiBase };
  const ours = await startWorkerProcess({ ...shared, kind: 'ours', taskQueue: key, bundlePath: bundles.ours });
  const plain = await startWorkerProcess({ ...shared, kind: 'plain', taskQueue: `${key}-parent`, bundlePath });
  const cpu = () => ({ server: cpuSecondsOf(server.pid), workers: cpuSecondsOf(ours.pid) + cpuSecondsOf(plain.pid) });
  try {
    const generations = createGenerationClient({ client, taskQueue: key });
    const before = cpu();
    const from = Date.now();
    if (subject === 'batch') {
      const batch = await generations.batches.start({ keepOpen: true, defaults: { model }, window }, { key });
      await batch.addAll(itemsOf(items));
      await batch.seal();
      await batch.result();
    } else if (subject === 'generations by a client') {
      await inLanes(items, window, async (index) => {
        const order = { model, input: { prompt: `item ${String(index)}` } };
        await (await generations.start(order, { key: `${key}/${String(index)}`, priority: 4 })).result();
      });
    } else {
      await client.workflow.execute(subject === 'awaited children' ? 'awaitedChildren' : 'signallingChildren', {
        workflowId: key,
        taskQueue: `${key}-parent`,
        args: [{ key, queue: key, model, items, window }],
      });
    }
    const seconds = (Date.now() - from) / 1_000;
    const after = cpu();
    const runs = subject === 'generations by a client' ? [{ events: 0, bytes: 0 }] : await runsOf(client, key);
    const sum = (numbers: number[]) => numbers.reduce((total, each) => total + each, 0);
    return {
      subject,
      items,
      jobs: simulator.ledger().jobs.length,
      seconds,
      itemsPerSecond: items / seconds,
      eventsPerItem: sum(runs.map(({ events }) => events)) / items,
      bytesPerItem: sum(runs.map(({ bytes }) => bytes)) / items,
      largestRunEvents: Math.max(...runs.map(({ events }) => events)),
      largestRunBytes: Math.max(...runs.map(({ bytes }) => bytes)),
      serverCpuMsPerItem: ((after.server - before.server) / items) * 1_000,
      workerCpuMsPerItem: ((after.workers - before.workers) / items) * 1_000,
      workerPeakMegabytes: peakMegabytesOf(ours.pid),
    };
  } finally {
    await ours.stop();
    await plain.stop();
    await simulator.close();
  }
}

/** A fast RunComfy with a wallet that never becomes empty. */
export function quickSimulator(): Promise<Simulator> {
  return startSimulator({
    seed: 3,
    profiles: { '*': { queueMs: 100, runMs: 100 } },
    switches: { max_parallel: 1_000, wallet_usd: 100_000 },
  });
}

/** Items, each with its own id and prompt. */
export function* itemsOf(count: number) {
  for (let index = 0; index < count; index += 1) {
    yield { id: `item-${String(index)}`, input: { prompt: `item ${String(index)} ${'x'.repeat(400)}` } };
  }
}

async function inLanes(count: number, lanes: number, run: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) {
      next += 1;
      await run(next - 1);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
