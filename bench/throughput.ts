// npm run bench:throughput                          three rounds of 400 executions of each
// npm run bench:throughput -- --executions 2000
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createGenerationClient } from '../client/index.ts';
import { readExecutionFigures } from './support/figures/execution-figures.ts';
import { describeCommit, describeMachine, formatTable, versionsOf, writeResults } from './support/figures/report.ts';
import { say, startStack } from './support/stack/stack.ts';
import { startWorkerProcess, type WorkerHandle } from './support/stack/worker-handle.ts';
import { startInstantProvider } from './support/subjects/instant-provider.ts';
import { order } from './support/subjects/protocols.ts';

interface Round {
  seconds: number;
  workerCpuSeconds: number;
  serverCpuSeconds: number;
  /** This process: the client that starts and awaits executions, and the provider. */
  restCpuSeconds: number;
}

interface Contestant {
  subject: string;
  worker: WorkerHandle;
  idOf: (index: number) => string;
  start: (index: number) => Promise<unknown>;
  rounds: Round[];
}

const { values: options } = parseArgs({
  options: { executions: { type: 'string', default: '400' }, rounds: { type: 'string', default: '3' } },
});
const executions = Number(options.executions);
const rounds = Number(options.rounds);
const parallel = 100;
const warmUp = 50;
const secondsOfDelayPerRead = 0.02;
/** Linux counts processor time in hundredths of a second. */
const ticksPerSecond = 100;

const provider = await startInstantProvider();
const stack = await startStack();
const { address, pid } = stack.server;
const workers: WorkerHandle[] = [];
try {
  const contestants = [await enterBare(), await enterOurs()];
  for (const contestant of contestants) await run(contestant, 0, warmUp);
  for (let round = 0; round < rounds; round += 1) {
    for (const contestant of contestants) {
      contestant.rounds.push(await run(contestant, warmUp + round * executions, executions));
    }
  }
  const rows = await Promise.all(contestants.map(rowOf));
  const ratio = (rows[1]?.perSecond ?? 0) / (rows[0]?.perSecond ?? NaN);
  const head = [
    'subject',
    'per second',
    'worker CPU',
    'server CPU',
    'client and provider CPU',
    'events',
    'transitions',
    'actions',
  ];
  const lines = rows.map((row) => [
    row.subject,
    row.perSecond.toFixed(1),
    `${row.workerCpuMs.toFixed(1)} ms each`,
    `${row.serverCpuMs.toFixed(1)} ms each`,
    `${row.clientAndProviderCpuMs.toFixed(1)} ms each`,
    row.events.toFixed(0),
    row.stateTransitions.toFixed(0),
    row.actions.toFixed(0),
  ]);
  say(`${formatTable(head, lines)}\nratio ${ratio.toFixed(2)}`);
  writeResults('throughput', {
    name: 'throughput',
    commit: describeCommit(),
    machine: describeMachine(),
    measuredAt: new Date().toISOString(),
    versions: versionsOf({ temporal: stack.serverVersion }),
    settings: { executions, rounds, parallel, warmUp, secondsOfDelayPerRead },
    rows: rows.map((row) => ({ ...row, ofBare: row.perSecond / (rows[0]?.perSecond ?? NaN) })),
  });
  say('written to bench/results/throughput.json');
} finally {
  await Promise.all(workers.map((worker) => worker.stop()));
  await stack.close();
  provider.close();
}

async function enterOurs(): Promise<Contestant> {
  const taskQueue = 'throughput-ours';
  const { modelApiBase } = provider;
  const worker = await startWorkerProcess({
    kind: 'ours',
    address,
    taskQueue,
    bundlePath: stack.bundles.ours,
    modelApiBase,
  });
  workers.push(worker);
  const generations = createGenerationClient({ client: stack.client, taskQueue });
  const idOf = (index: number) => `ours-${String(index)}`;
  const request = { ...order, waiting: { secondsOfDelayPerRead } };
  const start = (index: number) => generations.start(request, { key: idOf(index) });
  return { subject: 'runcomfy-temporal, instant provider', worker, idOf, start, rounds: [] };
}

async function enterBare(): Promise<Contestant> {
  const taskQueue = 'throughput-bare';
  const worker = await startWorkerProcess({ kind: 'plain', address, taskQueue, bundlePath: stack.bundles.plain });
  workers.push(worker);
  const idOf = (index: number) => `bare-${String(index)}`;
  const start = (index: number) => stack.client.workflow.start('bareSteps', { taskQueue, workflowId: idOf(index) });
  return { subject: 'bare workflow, four activities and a timer', worker, idOf, start, rounds: [] };
}

async function run({ worker, idOf, start }: Contestant, from: number, count: number): Promise<Round> {
  const before = {
    ...(await worker.usage()),
    server: serverCpuSeconds(),
    rest: process.cpuUsage(),
    at: performance.now(),
  };
  let next = from;
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      while (next < from + count) {
        const index = next++;
        await start(index);
        await stack.client.workflow.getHandle(idOf(index)).result();
      }
    }),
  );
  const seconds = (performance.now() - before.at) / 1_000;
  const rest = process.cpuUsage(before.rest);
  const after = await worker.usage();
  return {
    restCpuSeconds: (rest.user + rest.system) / 1e6,
    seconds,
    workerCpuSeconds: after.cpuSeconds - before.cpuSeconds,
    serverCpuSeconds: serverCpuSeconds() - before.server,
  };
}

async function rowOf({ subject, idOf, rounds: measured }: Contestant) {
  const count = measured.length * executions;
  const total = (of: (round: Round) => number) => measured.reduce((sum, round) => sum + of(round), 0);
  return {
    subject,
    jobSet: `${String(parallel)} in flight`,
    executions: count,
    perSecond: count / total(({ seconds }) => seconds),
    workerCpuMs: (total(({ workerCpuSeconds }) => workerCpuSeconds) / count) * 1_000,
    clientAndProviderCpuMs: (total((round) => round.restCpuSeconds) / count) * 1_000,
    serverCpuMs: (total((round) => round.serverCpuSeconds) / count) * 1_000,
    ...(await readExecutionFigures(
      stack.client,
      Array.from({ length: 20 }, (_, index) => idOf(warmUp + index)),
    )),
  };
}

/** User and system time of the Temporal server, from `/proc`; NaN if there is none. */
function serverCpuSeconds(): number {
  try {
    const fields =
      readFileSync(`/proc/${String(pid)}/stat`, 'utf8')
        .split(') ')
        .at(-1)
        ?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  } catch {
    return NaN;
  }
}
