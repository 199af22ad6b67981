// npm run bench:history                   a quarter of an hour
// npm run bench:history -- --minutes 2    shorter unlearned work
import { parseArgs } from 'node:util';
import { createGenerationClient } from '../client/index.ts';
import type { WaitingPreset } from '../domain/generation.ts';
import { type Simulator, startSimulator } from '../simulator/index.ts';
import { type ExecutionFigures, readExecutionFigures } from './support/figures/execution-figures.ts';
import { describeCommit, describeMachine, formatTable, versionsOf, writeResults } from './support/figures/report.ts';
import { say, type Stack, startStack } from './support/stack/stack.ts';
import type { TwoGears } from './support/stack/two-gears.ts';
import { startWorkerProcess, type WorkerArguments } from './support/stack/worker-handle.ts';
import { order } from './support/subjects/protocols.ts';

interface Row extends ExecutionFigures {
  subject: string;
  jobSet: string;
  reads: number;
}

const { values: options } = parseArgs({ options: { minutes: { type: 'string', default: '15' } } });
const minutes = Number(options.minutes);
const gears: TwoGears = { longMs: 15_000, closeMs: 600, closeReads: 100 };
const presets: WaitingPreset[] = ['interactive', 'balanced', 'frugal'];

const stack = await startStack();
try {
  const runMs = minutes * 60_000;
  const rows = (
    await Promise.all([
      measureTwoGears(stack),
      measureNaiveGears(stack),
      ...presets.map((preset) => measureUnlearned(stack, preset, runMs)),
      measureNaiveLoop(stack, runMs),
    ])
  ).flat();
  const head = ['subject', 'job', 'reads', 'events', 'transitions', 'actions'];
  const lines = rows.map((row) => [
    row.subject,
    row.jobSet,
    ...[row.reads, row.events, row.stateTransitions, row.actions].map(String),
  ]);
  say(formatTable(head, lines));
  writeResults('history', {
    name: 'history',
    commit: describeCommit(),
    machine: describeMachine(),
    measuredAt: new Date().toISOString(),
    versions: versionsOf({ temporal: stack.serverVersion }),
    settings: { minutes, gears },
    rows,
  });
  say('written to bench/results/history.json');
} finally {
  await stack.close();
}

/** Each stage ends half a second before a read is due, and the whole work right after the last of the close reads. */
async function simulateGears(): Promise<Simulator> {
  const { longMs, closeMs, closeReads } = gears;
  return await simulate({ queueMs: longMs - 500, runMs: 500 + longMs + closeReads * closeMs });
}

async function measureTwoGears(of: Stack): Promise<Row> {
  const row = { subject: 'runcomfy-temporal', jobSet: 'one long wait per stage, then a read every 0.6 s for a minute' };
  return await measureOurs(of, await simulateGears(), row, { waiting: gears }, {});
}

async function measureUnlearned(of: Stack, preset: WaitingPreset, runMs: number): Promise<Row> {
  const row = { subject: `runcomfy-temporal ${preset}, nothing known`, jobSet: `${String(minutes)} minutes` };
  return await measureOurs(of, await simulate({ queueMs: 0, runMs }), row, {}, { waiting: { preset } });
}

async function measureOurs(
  { server, bundles, client }: Stack,
  simulator: Simulator,
  row: Pick<Row, 'subject' | 'jobSet'>,
  worker: Partial<WorkerArguments>,
  request: object,
): Promise<Row> {
  const taskQueue = row.subject.replaceAll(/\W+/g, '-');
  const { address } = server;
  const { modelApiBase } = simulator;
  const running = await startWorkerProcess({
    kind: 'ours',
    address,
    taskQueue,
    bundlePath: bundles.ours,
    modelApiBase,
    ...worker,
  });
  const { key } = await createGenerationClient({ client, taskQueue }).start(
    { ...order, ...request },
    { key: taskQueue },
  );
  await client.workflow.getHandle(key).result();
  return await finish(row, simulator, client, key, running.stop);
}

async function measureNaiveGears(of: Stack): Promise<Row> {
  const { longMs, closeMs } = gears;
  const waits = [longMs, longMs, closeMs];
  const row = {
    subject: 'naive Temporal loop',
    jobSet: 'one long wait per stage, then a read every 0.6 s for a minute',
  };
  return await measureNaive(of, await simulateGears(), row, 'scriptedLoop', [waits]);
}

async function measureNaiveLoop(of: Stack, runMs: number): Promise<Row> {
  const row = { subject: 'naive Temporal loop, 2 s timer', jobSet: `${String(minutes)} minutes` };
  return await measureNaive(of, await simulate({ queueMs: 0, runMs }), row, 'pollingLoop', []);
}

async function measureNaive(
  { server, bundles, client }: Stack,
  simulator: Simulator,
  row: Pick<Row, 'subject' | 'jobSet'>,
  workflow: string,
  more: unknown[],
): Promise<Row> {
  const taskQueue = workflow;
  const running = await startWorkerProcess({
    kind: 'plain',
    address: server.address,
    taskQueue,
    bundlePath: bundles.plain,
  });
  const args = [simulator.modelApiBase, ...more];
  await client.workflow.execute(workflow, { taskQueue, workflowId: workflow, args });
  return await finish(row, simulator, client, workflow, running.stop);
}

async function finish(
  row: Pick<Row, 'subject' | 'jobSet'>,
  simulator: Simulator,
  client: Stack['client'],
  workflowId: string,
  stop: () => Promise<void>,
): Promise<Row> {
  const { statusReads, resultReads } = simulator.ledger({ withJobs: false }).totals;
  await stop();
  await simulator.close();
  return { ...row, reads: statusReads + resultReads, ...(await readExecutionFigures(client, [workflowId])) };
}

async function simulate(profile: { queueMs: number; runMs: number }): Promise<Simulator> {
  return await startSimulator({ profiles: { '*': profile }, switches: { wallet_usd: 1_000 } });
}
