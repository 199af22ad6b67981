// npm run bench:pipeline    some minutes: three pipelines, and the memory of a cached generation
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createGenerationClient } from '../client/index.ts';
import { type Simulator, startSimulator } from '../simulator/index.ts';
import { describeCommit, describeMachine, formatTable, versionsOf, writeResults } from './support/figures/report.ts';
import { bundleTwice, type HeapFigures } from './support/pipeline/bundles.ts';
import { say, type Stack, startStack } from './support/stack/stack.ts';
import { startWorkerProcess } from './support/stack/worker-handle.ts';

interface Row {
  subject: string;
  orders: number;
  jobs: number;
  bills: number;
  /** Events of the longest run, and the number of runs. */
  events: number;
  runs: number;
  historyBytes: number;
  stateBytes: number;
  seconds: number;
}

const model = 'blackforestlabs/flux-2-klein/4b/text-to-image';
const still = (prompt: string, more: object = {}) => ({ model, input: { prompt }, ...more });
const numbers = (count: number) => Array.from({ length: count }, (_, at) => at);

const plans: Record<string, object> = {
  'three steps': {
    version: 1,
    steps: { a: still('a'), b: still('b', { needs: ['a'] }), c: still('c', { needs: ['b'] }) },
  },
  'a fan-out of 200': { version: 1, steps: { many: still('still ${{ item }}', { forEach: numbers(200) }) } },
  '500 orders of 100 steps': {
    version: 1,
    steps: Object.fromEntries(
      numbers(100).map((at) => [
        `s${String(at)}`,
        still(`${String(at)} \${{ item }}`, { forEach: numbers(5), needs: at < 10 ? [] : [`s${String(at - 10)}`] }),
      ]),
    ),
  },
};

const stack = await startStack();
try {
  const rows: Row[] = [];
  for (const [subject, plan] of Object.entries(plans)) rows.push(await measure(stack, subject, plan));
  const head = ['pipeline', 'jobs', 'bills', 'events', 'runs', 'history', 'state', 'seconds'];
  say(
    formatTable(
      head,
      rows.map((row) => [
        row.subject,
        ...[row.jobs, row.bills, row.events, row.runs, row.historyBytes, row.stateBytes, row.seconds].map(String),
      ]),
    ),
  );
  const weights = await weigh();
  say(
    `heap of a cached generation: ${String(weights.with.bytesPerGeneration)} bytes with pipelines in the bundle, ${String(weights.without.bytesPerGeneration)} without (${weights.ratio.toFixed(3)})`,
  );
  writeResults('pipeline', {
    name: 'pipeline',
    commit: describeCommit(),
    machine: describeMachine(),
    measuredAt: new Date().toISOString(),
    versions: versionsOf({ temporal: stack.serverVersion }),
    rows,
    weights,
  });
  say('written to bench/results/pipeline.json');
} finally {
  await stack.close();
}

async function measure({ server, bundles, client }: Stack, subject: string, plan: object): Promise<Row> {
  const simulator: Simulator = await startSimulator({
    seed: 3,
    profiles: { '*': { queueMs: 500, runMs: 500 } },
    switches: { max_parallel: 1_000, wallet_usd: 10_000, output_host: 'https://files.example.com' },
  });
  const key = subject.replaceAll(/\W+/g, '-');
  const { address } = server;
  const { modelApiBase } = simulator;
  const worker = await startWorkerProcess({
    kind: 'ours',
    address,
    taskQueue: key,
    bundlePath: bundles.ours,
    modelApiBase,
  });
  try {
    const from = Date.now();
    const pipeline = await createGenerationClient({ client, taskQueue: key }).pipelines.start({ plan }, { key });
    await pipeline.result();
    const seconds = Math.round((Date.now() - from) / 100) / 10;
    const stateBytes = Buffer.byteLength(JSON.stringify(await pipeline.state()));
    const runs = await runsOf(client, key);
    const { jobs } = simulator.ledger();
    return {
      subject,
      orders: jobs.length,
      jobs: jobs.length,
      bills: jobs.filter(({ chargedUsd }) => chargedUsd > 0).length,
      events: Math.max(...runs.map(({ events }) => events)),
      runs: runs.length,
      historyBytes: Math.max(...runs.map(({ bytes }) => bytes)),
      stateBytes,
      seconds,
    };
  } finally {
    await worker.stop();
    await simulator.close();
  }
}

/** Every run of a key, newest first. Earlier runs are found through the run that continued them. */
async function runsOf(client: Stack['client'], workflowId: string): Promise<{ events: number; bytes: number }[]> {
  const found: { events: number; bytes: number }[] = [];
  let runId: string | undefined;
  do {
    const handle = client.workflow.getHandle(workflowId, runId);
    const [{ events }, { raw }] = await Promise.all([handle.fetchHistory(), handle.describe()]);
    found.push({
      events: events?.length ?? 0,
      bytes: Number(raw.workflowExecutionInfo?.historySizeBytes ?? 0),
    });
    const before = events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId ?? '';
    runId = before === '' ? undefined : before;
  } while (runId !== undefined);
  return found;
}

/** The memory of a cached generation, with and without pipelines in the bundle; each is measured in its own process. */
async function weigh(): Promise<{ with: HeapFigures; without: HeapFigures; ratio: number }> {
  const { folder, files } = await bundleTwice();
  try {
    const measureIn = (bundle: string): HeapFigures => {
      const script = fileURLToPath(new URL('support/pipeline/weigh-process.ts', import.meta.url));
      const out = execFileSync(process.execPath, ['--expose-gc', '--import', 'tsx', script, bundle], {
        encoding: 'utf8',
      });
      const [code = ''] = readFileSync(bundle, 'utf8').split('\n//# sourceMappingURL=data:');
      return { bundleBytes: Buffer.byteLength(code), ...(JSON.parse(out) as Omit<HeapFigures, 'bundleBytes'>) };
    };
    const [with_, without] = [measureIn(files.with), measureIn(files.without)];
    return { with: with_, without, ratio: with_.bytesPerGeneration / without.bytesPerGeneration };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
