// npm run bench:budget    200 at once and 600 in lanes, by one update per request and as workers ask; 1 or 2 minutes
import { randomUUID } from 'node:crypto';
import { createGenerationClient } from '../client/index.ts';
import type { ReserveReply } from '../domain/budget/budget.ts';
import { budgetId, budgetMessageNames } from '../domain/budget/names.ts';
import { createBudgetDesk } from '../worker/budget-desk.ts';
import { cpuSecondsOf, runsOf } from './support/batch/processes.ts';
import { describeCommit, describeMachine, formatTable, versionsOf, writeResults } from './support/figures/report.ts';
import { quantile } from './support/figures/statistics.ts';
import { quietTemporal } from './support/stack/quiet-temporal.ts';
import { say, startStack } from './support/stack/stack.ts';
import { startWorkerProcess } from './support/stack/worker-handle.ts';

/** Asks a budget for a verdict; resolves to true if granted, and rejects if there is no verdict. */
type Reserve = (budget: string, key: string) => Promise<boolean>;

const priceUsd = 1.26;
const atOnceWithinMs = 2_000;
/** A request that has no verdict by then counts as one without. */
const verdictWithinMs = 45_000;
const taskQueue = 'bench-budget';
const lanes = 50;

quietTemporal();
const stack = await startStack();
const { client } = stack;
const worker = await startWorkerProcess({
  kind: 'ours',
  address: stack.server.address,
  taskQueue,
  bundlePath: stack.bundles.ours,
  modelApiBase: 'http://127.0.0.1:9',
});
try {
  const { budgets } = createGenerationClient({ client, taskQueue });
  const ofThreeWorkers = byDesks(3);
  const ways: { subject: string; count: number; inFlight: number; limitUsd: number; reserve: Reserve }[] = [
    { subject: 'one update per request, at once', count: 200, inFlight: 200, limitUsd: 10, reserve: bySingleUpdate },
    { subject: 'three workers, at once', count: 200, inFlight: 200, limitUsd: 10, reserve: ofThreeWorkers },
    { subject: 'one update per request, ten lanes', count: 300, inFlight: 10, limitUsd: 1e4, reserve: bySingleUpdate },
    { subject: 'three workers, fifty lanes', count: 600, inFlight: lanes, limitUsd: 1e4, reserve: ofThreeWorkers },
  ];
  const rows = [];
  for (const { subject, count, inFlight, limitUsd, reserve } of ways) {
    const name = `bench-${randomUUID()}`;
    await budgets.create({ name, limitUsd });
    // Warms up: the budget's first task and cold code must not slow down the verdicts.
    await budgets.state(name);
    const cpuBefore = cpuSecondsOf(stack.server.pid);
    const measured = await run({ name, count, inFlight, reserve });
    const serverCpuSeconds = cpuSecondsOf(stack.server.pid) - cpuBefore;
    const state = await budgets.state(name);
    const events = (await runsOf(client, budgetId(name))).reduce((sum, each) => sum + each.events, 0);
    const isWithinLimit = state.spentUsd + state.reservedUsd <= limitUsd && measured.granted * priceUsd <= limitUsd;
    const row = { subject, asked: count, inFlight, ...measured, events, eventsPerRequest: events / count };
    rows.push({ ...row, serverCpuMsPerRequest: (serverCpuSeconds / count) * 1_000, isWithinLimit });
    say(`${subject}: ${measured.perSecond.toFixed(1)}/s, ${String(measured.granted)} granted`);
  }
  const lines = rows.map((row) => [
    row.subject,
    `${row.perSecond.toFixed(1)}/s`,
    `${row.p50Ms.toFixed(0)} ms`,
    `${row.p95Ms.toFixed(0)} ms`,
    String(row.granted),
    String(row.without),
    row.eventsPerRequest.toFixed(2),
    `${row.serverCpuMsPerRequest.toFixed(1)} ms`,
  ]);
  const head = ['subject', 'verdicts', 'p50', 'p95', 'granted', 'without', 'events each', 'server CPU each'];
  say(formatTable(head, lines));
  const about = { commit: describeCommit(), machine: describeMachine(), measuredAt: new Date().toISOString() };
  const versions = versionsOf({ temporal: stack.serverVersion });
  writeResults('budget', { name: 'budget', ...about, versions, settings: { priceUsd, verdictWithinMs }, rows });
  say('written to bench/results/budget.json');
  const ours = rows[1];
  const isSoon = ours !== undefined && ours.p95Ms <= atOnceWithinMs && ours.granted === 7 && ours.without === 0;
  if (!isSoon || !rows.every(({ isWithinLimit }) => isWithinLimit)) process.exitCode = 1;
} finally {
  await worker.stop();
  await stack.close();
}
process.exit();

async function run({
  name,
  count,
  inFlight,
  reserve,
}: {
  name: string;
  count: number;
  inFlight: number;
  reserve: Reserve;
}) {
  const waitedMs: number[] = [];
  let granted = 0;
  let without = 0;
  let next = 0;
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (next < count) {
        const key = `order-${String(next++)}`;
        const askedAt = performance.now();
        try {
          if (await reserve(name, key)) granted += 1;
          waitedMs.push(performance.now() - askedAt);
        } catch {
          without += 1;
        }
      }
    }),
  );
  const seconds = (performance.now() - startedAt) / 1_000;
  const perSecond = waitedMs.length / seconds;
  return { granted, without, seconds, perSecond, p50Ms: quantile(waitedMs, 0.5), p95Ms: quantile(waitedMs, 0.95) };
}

async function bySingleUpdate(budget: string, key: string): Promise<boolean> {
  const args: [object] = [{ requests: [{ key, priceUsd }] }];
  const { verdicts } = await client.withDeadline(Date.now() + verdictWithinMs, () =>
    client.workflow
      .getHandle(budgetId(budget))
      .executeUpdate<ReserveReply, [object]>(budgetMessageNames.reserve, { args }),
  );
  return verdicts[0]?.granted === true;
}

/** Asks as the activities of this many workers do. */
function byDesks(workers: number): Reserve {
  const desks = Array.from({ length: workers }, () => createBudgetDesk(client));
  let asked = 0;
  return async (budget, key) => {
    const desk = desks[asked++ % workers];
    const verdict = await desk?.reserve(budget, { key, priceUsd }, verdictWithinMs);
    if (verdict === undefined || verdict === 'no_budget') throw new Error(`there is no budget "${budget}"`);
    return verdict.granted;
  };
}
