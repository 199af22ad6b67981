// npm run bench:inflight                              2,000 generations in flight at once
// npm run bench:inflight -- --generations 1000,10000  the full measurement, a row for each
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createWaitingKnowledge } from '../activities/waiting/knowledge.ts';
import { createGenerationClient } from '../client/index.ts';
import { learnFromHistory } from '../worker/history/learn-from-history.ts';
import { readExecutionFigures } from './support/figures/execution-figures.ts';
import { describeCommit, describeMachine, formatTable, versionsOf, writeResults } from './support/figures/report.ts';
import { mean } from './support/figures/statistics.ts';
import { type SimulatorHandle, startSimulatorProcess } from './support/stack/simulator-handle.ts';
import { say, startStack } from './support/stack/stack.ts';
import { startWorkerProcess, type WorkerArguments, type WorkerHandle } from './support/stack/worker-handle.ts';
import { order } from './support/subjects/protocols.ts';

const { values: options } = parseArgs({
  options: { generations: { type: 'string', default: '2000' }, 'reads-per-second': { type: 'string', default: '50' } },
});
const counts = options.generations.split(',').map(Number);
const readsPerSecond = Number(options['reads-per-second']);
const parallelStarts = 40;
const watchedMs = 20_000;
const windowSeconds = 10;
const sampled = 50;
/** As `docs/operations.md` recommends for a small container. */
const heapMegabytes = 384;
const keyOf = (index: number) => `inflight-${String(index)}`;

const rows = [];
let serverVersion = '';
for (const generations of counts) rows.push(await measure(generations));
writeResults('inflight', {
  name: 'inflight',
  commit: describeCommit(),
  machine: describeMachine(),
  measuredAt: new Date().toISOString(),
  versions: versionsOf({ temporal: serverVersion }),
  settings: { readsPerSecond, parallelStarts, watchedMs, windowSeconds, sampled, heapMegabytes },
  rows,
});
say('\nwritten to bench/results/inflight.json');
if (rows.some((row) => [row.endedWell, row.bills, row.submits].some((figure) => figure !== row.generations))) {
  throw new Error('Not every generation ended well with one submit and one bill.');
}

async function measure(generations: number) {
  say(`${String(generations)} generations, at most ${String(readsPerSecond)} reads per second`);
  const simulator = await startSimulatorProcess({
    profiles: { '*': { queueMs: 0, runMs: 1_000 } },
    switches: { max_parallel: 1_000_000, wallet_usd: 1_000_000 },
  });
  await simulator.hold();
  const stack = await startStack();
  serverVersion = stack.serverVersion;
  const taskQueue = 'inflight';
  const workerArguments: WorkerArguments = {
    kind: 'ours',
    address: stack.server.address,
    taskQueue,
    bundlePath: stack.bundles.ours,
    modelApiBase: simulator.modelApiBase,
    readsPerSecond,
    heapMegabytes,
  };
  let worker: WorkerHandle | undefined;
  try {
    worker = await startWorkerProcess(workerArguments);
    const idle = await worker.usage();
    const client = createGenerationClient({ client: stack.client, taskQueue });
    const startedAt = Date.now();
    await inParallel(generations, (index) => client.start(order, { key: keyOf(index) }));
    await until(async () => (await simulator.totals()).accepted === generations);
    say(`all in flight after ${seconds(startedAt)} s`);

    const before = await worker.usage();
    const peak = { bytes: before.rss };
    const watch = async () => {
      const from = await simulator.totals();
      const { cpuSeconds } = await usage();
      await sleep(watchedMs);
      const to = await simulator.totals();
      return {
        readsPerSecond: (to.statusReads - from.statusReads) / (watchedMs / 1_000),
        workerCores: ((await usage()).cpuSeconds - cpuSeconds) / (watchedMs / 1_000),
      };
    };
    const usage = async () => {
      const current = await (worker as WorkerHandle).usage();
      peak.bytes = Math.max(peak.bytes, current.rss);
      return current;
    };
    const first = await watch();
    const heldBytes = (await usage()).rss;
    say('the worker is restarted');
    await worker.stop();
    worker = await startWorkerProcess(workerArguments);
    const afterRestart = await watch();

    const releasedAt = Date.now();
    await simulator.release();
    await inParallel(generations, async (index) => {
      await stack.client.workflow.getHandle(keyOf(index)).result();
      if (index % 100 === 0) await usage();
    });
    say(`all ended ${seconds(releasedAt)} s after their release`);

    const bootstrapAt = performance.now();
    const { learned: bootstrapWorks } = await learnFromHistory(stack.client, createWaitingKnowledge(), {
      taskQueue,
      modelApiBase: simulator.modelApiBase,
    });
    const bootstrapMs = performance.now() - bootstrapAt;

    const jobs = await simulator.jobs();
    const figures = await readExecutionFigures(
      stack.client,
      Array.from({ length: sampled }, (_, index) => keyOf(Math.floor((index * generations) / sampled))),
    );
    const row = {
      subject: 'runcomfy-temporal',
      jobSet: `${String(generations)} held until all are in flight`,
      generations,
      endedWell: jobs.filter(({ state }) => state === 'succeeded').length,
      bills: jobs.filter(({ chargedMicrodollars }) => chargedMicrodollars > 0).length,
      submits: (await simulator.totals()).submits,
      workerIdleMegabytes: megabytes(idle.rss),
      workerInFlightMegabytes: megabytes(heldBytes),
      workerPeakMegabytes: megabytes(peak.bytes),
      kilobytesPerGeneration: (heldBytes - idle.rss) / 1024 / generations,
      workerCoresInFlight: first.workerCores,
      workerCoresAfterRestart: afterRestart.workerCores,
      readsPerSecondInFlight: first.readsPerSecond,
      readsPerSecondAfterRestart: afterRestart.readsPerSecond,
      mostReadsPerSecondInTenSeconds: await busiestWindow(simulator),
      readsPerGeneration: mean(jobs.map(({ statusCalls, resultCalls }) => statusCalls + resultCalls)),
      bootstrapMs,
      bootstrapWorks,
      ...figures,
    };
    const lines = Object.entries(row).map(([name, value]) => [
      name,
      typeof value === 'number' && !Number.isInteger(value) ? value.toFixed(2) : String(value),
    ]);
    say(`\n${formatTable(['figure', 'value'], lines)}`);
    return row;
  } finally {
    await worker?.stop();
    await stack.close();
    await simulator.stop();
  }
}

async function inParallel(generations: number, runOne: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: parallelStarts }, async () => {
      while (next < generations) await runOne(next++);
    }),
  );
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await sleep(1_000);
}

/** The highest rate of status and result reads over any ten consecutive seconds. */
async function busiestWindow(of: SimulatorHandle): Promise<number> {
  const bySecond = new Map((await of.traffic()).map(({ second, status = 0, result = 0 }) => [second, status + result]));
  const sums = Array.from(bySecond.keys(), (from) =>
    Array.from({ length: windowSeconds }, (_, offset) => bySecond.get(from + offset) ?? 0).reduce((a, b) => a + b, 0),
  );
  return Math.max(...sums) / windowSeconds;
}

function seconds(since: number): string {
  return ((Date.now() - since) / 1_000).toFixed(0);
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}
