// npm run bench:waiting                 60 jobs per subject and job set, about nine minutes
// npm run bench:waiting -- --jobs 300   the full measurement
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createGenerationClient } from '../client/index.ts';
import type { WaitingPreset } from '../domain/generation.ts';
import { type Simulator, startSimulator } from '../simulator/index.ts';
import { type ExecutionFigures, readExecutionFigures } from './support/figures/execution-figures.ts';
import { describeCommit, describeMachine, formatTable, versionsOf, writeResults } from './support/figures/report.ts';
import { mean, quantile } from './support/figures/statistics.ts';
import { say, type Stack, startStack } from './support/stack/stack.ts';
import { startWorkerProcess } from './support/stack/worker-handle.ts';
import { startAdapter } from './support/subjects/adapter.ts';
import { pollEvery } from './support/subjects/call-simulator.ts';
import { installPeers } from './support/subjects/install-peers.ts';
import { startPeer } from './support/subjects/peer-process.ts';
import { order, type ProtocolName, protocols } from './support/subjects/protocols.ts';

interface Row extends Partial<ExecutionFigures> {
  subject: string;
  jobSet: string;
  jobs: number;
  readsPerJob: number;
  delayP50Ms: number;
  delayP95Ms: number;
}

interface JobSet {
  name: string;
  runMs: [number, number];
}

/** Runs one generation, number `index` of its batch. */
type RunOne = (index: number) => Promise<unknown>;

const { values: options } = parseArgs({ options: { jobs: { type: 'string', default: '60' } } });
const jobs = Number(options.jobs);
const seed = 5;
const jobSets: JobSet[] = [
  { name: '3–8 s', runMs: [3_000, 8_000] },
  { name: '40–60 s', runMs: [40_000, 60_000] },
];
const presets: WaitingPreset[] = ['interactive', 'balanced', 'frugal'];
/** Starts are spread out, to measure waiting and not a machine that cannot keep up. */
const startsPerSecond = 1;
/** Fewer jobs, because with more of them the naive loop uses most of a core of its server. */
const naiveJobs = Math.ceil(jobs / 3);
const naiveStartsPerSecond = 0.7;

say(`${String(jobs)} jobs per subject and job set${jobs < 300 ? ' (npm run bench:waiting -- --jobs 300: all)' : ''}`);
installPeers();
const rows: Row[] = [];
let serverVersion = '';
for (const jobSet of jobSets) {
  // A separate server, so that nothing learned from one job set is known in the other.
  const stack = await startStack();
  serverVersion = stack.serverVersion;
  try {
    rows.push(...(await measure(stack, jobSet)));
  } finally {
    await stack.close();
  }
  print(jobSet.name);
}
writeResults('waiting', {
  name: 'waiting',
  commit: describeCommit(),
  machine: describeMachine(),
  measuredAt: new Date().toISOString(),
  versions: versionsOf({ temporal: serverVersion }),
  settings: { jobs, seed, startsPerSecond, naiveJobs, naiveStartsPerSecond, jobSets },
  rows,
});
say('\nwritten to bench/results/waiting.json');

async function measure(stack: Stack, jobSet: JobSet): Promise<Row[]> {
  const ours = await Promise.all(presets.map((preset) => startOurs(stack, jobSet, preset)));
  try {
    const cold = await Promise.all([
      ...ours.map(({ measureCold }) => measureCold()),
      measurePeer('Comfy SDK', 'comfy', jobSet),
      measurePeer('runpod-sdk, 1 s loop', 'runpod', jobSet),
      measureLoop("loop at RunComfy CLI's 2 s", 2_000, jobSet),
    ]);
    const learned = await Promise.all([
      ...ours.map(({ measureLearned }) => measureLearned()),
      measurePeer('fal-js', 'fal', jobSet),
      measurePeer('replicate-js', 'replicate', jobSet),
    ]);
    return [
      ...learned.slice(0, presets.length),
      ...cold.slice(0, presets.length),
      ...learned.slice(presets.length),
      ...cold.slice(presets.length),
      await measureNaive(stack, jobSet),
    ];
  } finally {
    await Promise.all(ours.map(({ stop }) => stop()));
  }
}

/** The same seed gives every subject the same jobs: job n takes the same time for each. */
async function simulate({ runMs }: JobSet, ownSeed = seed): Promise<Simulator> {
  return await startSimulator({
    seed: ownSeed,
    profiles: { '*': { queueMs: 0, runMs } },
    switches: { max_parallel: 100_000, wallet_usd: 1_000_000 },
  });
}

async function startOurs(stack: Stack, jobSet: JobSet, preset: WaitingPreset) {
  const simulator = await simulate(jobSet, seed + 1);
  const taskQueue = `waiting-${preset}`;
  const worker = await startWorkerProcess({
    kind: 'ours',
    address: stack.server.address,
    taskQueue,
    bundlePath: stack.bundles.ours,
    modelApiBase: simulator.modelApiBase,
  });
  const generations = createGenerationClient({ client: stack.client, taskQueue });
  const measureBatch = async (name: string): Promise<Row> => {
    const keyOf = (index: number) => `${preset}-${name}-${String(index)}`;
    const began = await runBatch(async (index) => {
      const handle = await generations.start({ ...order, waiting: { preset } }, { key: keyOf(index) });
      await stack.client.workflow.getHandle(handle.key).result();
    });
    return {
      ...rowOf(`runcomfy-temporal ${preset}, ${name}`, jobSet, simulator, 'status and result'),
      ...(await readExecutionFigures(stack.client, began.map(keyOf))),
    };
  };
  return {
    measureCold: () => measureBatch('cold'),
    measureLearned: () => {
      simulator.reset({ seed });
      return measureBatch('learned');
    },
    stop: async () => {
      await worker.stop();
      await simulator.close();
    },
  };
}

async function measurePeer(subject: string, protocol: ProtocolName, jobSet: JobSet): Promise<Row> {
  const simulator = await simulate(jobSet);
  const adapter = await startAdapter(protocols[protocol], simulator.modelApiBase);
  const peer = await startPeer(protocol, []);
  try {
    await runBatch(async () => {
      const { delivered, outcome } = await peer.run(adapter.url, 'default');
      if (!delivered) throw new Error(`${subject}: ${outcome}`);
    });
    // fal-js reads status and result separately. The others' single read returns both; the adapter splits it in two.
    return rowOf(subject, jobSet, simulator, protocol === 'fal' ? 'status and result' : 'status');
  } finally {
    await peer.stop();
    await adapter.close();
    await simulator.close();
  }
}

async function measureLoop(subject: string, intervalMs: number, jobSet: JobSet): Promise<Row> {
  const simulator = await simulate(jobSet);
  await runBatch(() => pollEvery(intervalMs, simulator.modelApiBase));
  const row = rowOf(subject, jobSet, simulator, 'status and result');
  await simulator.close();
  return row;
}

async function measureNaive(stack: Stack, jobSet: JobSet): Promise<Row> {
  const simulator = await simulate(jobSet);
  const taskQueue = 'waiting-naive';
  const bundlePath = stack.bundles.plain;
  const worker = await startWorkerProcess({ kind: 'plain', address: stack.server.address, taskQueue, bundlePath });
  const idOf = (index: number) => `naive-${String(index)}`;
  const began = await runBatch(
    (index) =>
      stack.client.workflow.execute('pollingLoop', {
        taskQueue,
        workflowId: idOf(index),
        args: [simulator.modelApiBase],
      }),
    naiveJobs,
    naiveStartsPerSecond,
  );
  const row = {
    ...rowOf('naive Temporal loop, 2 s timer', jobSet, simulator, 'status and result', naiveJobs),
    ...(await readExecutionFigures(stack.client, began.map(idOf))),
  };
  await worker.stop();
  await simulator.close();
  return row;
}

async function runBatch(runOne: RunOne, count = jobs, perSecond = startsPerSecond): Promise<number[]> {
  const indexes = Array.from({ length: count }, (_, index) => index);
  await Promise.all(
    indexes.map(async (index) => {
      await sleep((index * 1_000) / perSecond);
      await runOne(index);
    }),
  );
  return indexes;
}

function rowOf(
  subject: string,
  jobSet: JobSet,
  simulator: Simulator,
  counted: 'status' | 'status and result',
  count = jobs,
): Row {
  const ledger = simulator.ledger().jobs;
  const delays = ledger.map(({ finishedAt = NaN, firstTerminalReadAt = NaN }) => firstTerminalReadAt - finishedAt);
  if (ledger.length !== count || delays.some(Number.isNaN)) {
    throw new Error(`${subject}: ${String(ledger.length)} of ${String(count)} jobs, and not all were seen to end`);
  }
  return {
    subject,
    jobSet: jobSet.name,
    jobs: count,
    readsPerJob: mean(
      ledger.map(({ statusCalls, resultCalls }) => statusCalls + (counted === 'status' ? 0 : resultCalls)),
    ),
    delayP50Ms: quantile(delays, 0.5),
    delayP95Ms: quantile(delays, 0.95),
  };
}

function print(jobSet: string): void {
  const of = rows.filter((row) => row.jobSet === jobSet);
  const fal = of.find(({ subject }) => subject === 'fal-js');
  const number = (value: number | undefined, digits: number) => (value === undefined ? '–' : value.toFixed(digits));
  const head = ['subject', 'reads/job', "of fal-js's", 'delay p50', 'delay p95', 'events', 'transitions', 'actions'];
  const lines = of.map((row) => [
    row.subject,
    number(row.readsPerJob, 1),
    fal ? `${number((row.readsPerJob / fal.readsPerJob) * 100, 0)} %` : '–',
    `${number(row.delayP50Ms / 1_000, 2)} s`,
    `${number(row.delayP95Ms / 1_000, 2)} s`,
    number(row.events, 0),
    number(row.stateTransitions, 0),
    number(row.actions, 0),
  ]);
  say(`\njobs of ${jobSet}\n${formatTable(head, lines)}`);
}
