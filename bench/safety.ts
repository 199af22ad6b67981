// npm run bench:safety: the extra cost of a submit that survives crashes and outages.
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import pino from 'pino';
import { createActivities } from '../activities/index.ts';
import { startEmbeddedServer } from '../cli/dev-server/server.ts';
import { findTemporalBinary } from '../cli/dev-server/temporal-binary.ts';
import { readConfig } from '../config/env.ts';
import type { Activities } from '../domain/activities.ts';
import { submitTaskQueue } from '../domain/names.ts';
import { createRunComfyClient } from '../runcomfy/client.ts';
import { startSimulator } from '../simulator/index.ts';
import { plainActivityDeps } from '../test/support/activity-deps.ts';
import { bundleWorkflows } from '../worker/index.ts';
import { createHandOver } from '../worker/spool/hand-over.ts';
import { openRequestSpool } from '../worker/spool/request-spool.ts';
import { openSubmitJournal } from '../worker/spool/submit-journal.ts';
import { describeCommit, describeMachine, formatTable, versionsOf, writeResults } from './support/figures/report.ts';
import { quietTemporal } from './support/stack/quiet-temporal.ts';
import { order } from './support/subjects/protocols.ts';

type Way = 'with' | 'without';

interface Sample {
  submitMs: number;
  generationMs: number;
  events: number;
}

const samples = 200;
const warmUp = 20;
const metricsPort = 17_243;
const say = (line: string) => {
  process.stdout.write(`${line}\n`);
};

await main();

async function main(): Promise<void> {
  quietTemporal();
  const binary = await findTemporalBinary({ cliPath: readConfig().temporalCliPath, onNote: say });
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-safety-'));
  const server = await startEmbeddedServer({
    cliPath: binary.path,
    dbFile: path.join(folder, 'temporal.db'),
    uiPort: false,
    extraArgs: ['--metrics-port', String(metricsPort)],
  });
  const simulator = await startSimulator({ seed: 1, profiles: { '*': { queueMs: 0, runMs: 0 } } });
  const runcomfy = createRunComfyClient({ modelApiBase: simulator.modelApiBase, token: () => 'sim-bench' });
  const connection = await NativeConnection.connect({ address: server.address });
  const clientConnection = await Connection.connect({ address: server.address });
  const client = new Client({ connection: clientConnection });
  const { code } = await bundleWorkflows();
  try {
    const measure = async (way: Way, count: number) =>
      await generate({ way, count, connection, client, code, activities: activitiesOf(way) });
    for (const way of ['with', 'without'] as const) await measure(way, warmUp);
    const results = { with: [] as Sample[], without: [] as Sample[] };
    const calls = { with: {} as Calls, without: {} as Calls };
    // In alternation, so that other load on the machine affects both ways alike.
    for (let block = 0; block < samples / 20; block += 1) {
      for (const way of ['with', 'without'] as const) {
        const before = await readCalls();
        results[way].push(...(await measure(way, 20)));
        add(calls[way], before, await readCalls());
      }
    }
    report(results, calls, binary.version);
  } finally {
    await connection.close();
    await clientConnection.close();
    await runcomfy.close();
    await simulator.close();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }

  /**
   * The submit is either the real one or a bare POST. Everything else answers at once, so that only the submit is
   * measured.
   */
  function activitiesOf(way: Way): Activities {
    const handOver = createHandOver({
      client,
      spool: openRequestSpool(folder),
      journal: openSubmitJournal(folder),
      log: pino({ level: 'silent' }),
    });
    const real = createActivities({ ...plainActivityDeps(runcomfy), keepRequestId: (kept) => handOver.keep(kept) });
    const readAt = () => new Date().toISOString();
    return {
      ...real,
      ...(way === 'without' && {
        submitRequest: async ({ model, input }) => {
          const { requestId } = await runcomfy.submit(model, input);
          return { requestId, submittedAt: readAt(), nextReadInMs: 0, searchAttributes: [] };
        },
      }),
      readStatus: () => Promise.resolve({ status: 'finished', reads: 1, readAt: readAt(), nextReadInMs: 0 }),
      fetchResult: () => {
        const output = { images: ['https://files.example/1.png'], videos: [], audios: [] };
        return Promise.resolve({ status: 'succeeded', output, reads: 1, readAt: readAt() });
      },
    };
  }
}

async function generate(parts: {
  way: Way;
  count: number;
  connection: NativeConnection;
  client: Client;
  code: string;
  activities: Activities;
}): Promise<Sample[]> {
  const { way, count, connection, client, code, activities } = parts;
  const { submitRequest, ...reads } = activities;
  const submits: number[] = [];
  const taskQueue = `safety-${way}-${randomUUID()}`;
  const timed: Activities['submitRequest'] = async (paid) => {
    const startedAt = performance.now();
    const accepted = await submitRequest(paid);
    submits.push(performance.now() - startedAt);
    return { ...accepted, nextReadInMs: 0 };
  };
  const workers = await Promise.all([
    Worker.create({ connection, taskQueue, workflowBundle: { code }, activities: reads }),
    Worker.create({ connection, taskQueue: submitTaskQueue(taskQueue), activities: { submitRequest: timed } }),
  ]);
  const done = workers.map((worker) => worker.run());
  const found: Sample[] = [];
  for (let index = 0; index < count; index += 1) {
    const startedAt = performance.now();
    const handle = await client.workflow.start('runcomfyGeneration', {
      args: [order],
      taskQueue,
      workflowId: `safety-${randomUUID()}`,
    });
    await handle.result();
    const generationMs = performance.now() - startedAt;
    const { events } = await handle.fetchHistory();
    found.push({ submitMs: submits.at(-1) ?? Number.NaN, generationMs, events: events?.length ?? 0 });
  }
  for (const worker of workers) worker.shutdown();
  await Promise.all(done);
  return found;
}

/** Calls served by the server, by operation. */
type Calls = Record<string, number>;

async function readCalls(): Promise<Calls> {
  const text = await (await fetch(`http://127.0.0.1:${String(metricsPort)}/metrics`)).text();
  const calls: Calls = {};
  for (const [, labels = '', value = '0'] of text.matchAll(/^service_requests\{([^}]*)\} ([\d.e+]+)$/gm)) {
    const operation = /operation="([^"]*)"/.exec(labels)?.[1];
    if (operation === undefined || !/service_name="frontend"/.test(labels)) continue;
    calls[operation] = (calls[operation] ?? 0) + Number(value);
  }
  return calls;
}

function add(sum: Calls, before: Calls, after: Calls): void {
  for (const [operation, value] of Object.entries(after)) {
    sum[operation] = (sum[operation] ?? 0) + value - (before[operation] ?? 0);
  }
}

function report(results: Record<Way, Sample[]>, calls: Record<Way, Calls>, temporal: string): void {
  const part = (way: Way, field: keyof Sample, share: number) =>
    quantile(
      results[way].map((each) => each[field]),
      share,
    );
  const perSubmit = (way: Way, operation: string) => (calls[way][operation] ?? 0) / results[way].length;
  const heartbeats = 'RecordActivityTaskHeartbeat';
  const rows = [
    { what: 'history events of the whole generation, median', ...both((way) => part(way, 'events', 0.5)) },
    { what: 'heartbeat calls to Temporal per submit', ...both((way) => perSubmit(way, heartbeats)) },
    { what: 'submit activity, ms, median', ...both((way) => part(way, 'submitMs', 0.5)) },
    { what: 'submit activity, ms, 95 %', ...both((way) => part(way, 'submitMs', 0.95)) },
    { what: 'whole generation, ms, median', ...both((way) => part(way, 'generationMs', 0.5)) },
  ];
  say(`cost of safety per clean submit, ${String(results.with.length)} submits each way, one at a time\n`);
  const number = (value: number) => String(Math.round(value * 100) / 100);
  const lines = rows.map((row) => [row.what, number(row.with), number(row.without), number(row.with - row.without)]);
  say(formatTable(['', 'with', 'without', 'extra'], lines));
  writeResults('safety', {
    name: 'safety',
    commit: describeCommit(),
    machine: describeMachine(),
    measuredAt: new Date().toISOString(),
    versions: versionsOf({ temporal }),
    submits: results.with.length,
    rows: rows.map((row) => ({ ...row, extra: row.with - row.without })),
  });
  say('\nwritten to bench/results/safety.json');
}

function both(measure: (way: Way) => number): Record<Way, number> {
  return { with: measure('with'), without: measure('without') };
}

function quantile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
