// npm run bench:fairness                   1, 5 and 10 orders a second: a batch of 10,000 waits, a person orders
// npm run bench:fairness -- --rates 10     a check of some rates; its figures are not saved
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createGenerationClient, type GenerationClient } from '../client/index.ts';
import { type Simulator, startSimulator } from '../simulator/index.ts';
import { describeCommit, describeMachine, formatTable, versionsOf, writeResults } from './support/figures/report.ts';
import { quantile } from './support/figures/statistics.ts';
import { quietTemporal } from './support/stack/quiet-temporal.ts';
import { say, startStack } from './support/stack/stack.ts';
import { startWorkerProcess } from './support/stack/worker-handle.ts';

interface Row {
  /** Submits per second: the limit, and the rate that the simulator counted. */
  perSecond: number;
  reachedPerSecond: number;
  reachedPercent: number;
  /** From the start of an interactive generation to its acceptance by RunComfy, in intervals of the limit. */
  interactive: number;
  p50Intervals: number;
  p95Intervals: number;
  isRight: boolean;
}

const model = 'blackforestlabs/flux-2-klein/4b/text-to-image';
const allRates = '1,5,10';
/** Far more than can be sent during the measurement; the rest is cancelled. */
const batchItems = 10_000;
/** The server lets a short burst through before its limit takes effect. */
const settleMs = 5_000;
const measuredMs = 25_000;
const interactiveOrders = 20;
const longestMs = 120_000;
const longestUploadMs = 300_000;
/** The bound on p95: two intervals, plus a second for everything except the queue. */
const withinIntervals = 2;
const aroundMs = 1_000;

const { values: options } = parseArgs({ options: { rates: { type: 'string', default: allRates } } });

quietTemporal();
const stack = await startStack();
const rows: Row[] = [];
try {
  for (const perSecond of options.rates.split(',').map(Number)) {
    const row = await measure(perSecond);
    rows.push(row);
    say(`${String(perSecond)}/s: ${row.reachedPercent.toFixed(0)} % reached`);
  }
} finally {
  await stack.close();
}
const lines = rows.map((row) => [
  `${String(row.perSecond)}/s`,
  `${row.reachedPerSecond.toFixed(2)}/s (${row.reachedPercent.toFixed(0)} %)`,
  String(row.interactive),
  row.p50Intervals.toFixed(1),
  row.p95Intervals.toFixed(1),
  row.isRight ? 'holds' : 'DOES NOT HOLD',
]);
say(formatTable(['limit', 'reached', 'interactive orders', 'p50, intervals', 'p95, intervals', 'figures'], lines));
if (options.rates === allRates) keep();
process.exit(rows.every(({ isRight }) => isRight) ? 0 : 1);

function keep(): void {
  const about = { commit: describeCommit(), machine: describeMachine(), measuredAt: new Date().toISOString() };
  const settings = { batchItems, settleMs, measuredMs, withinIntervals, aroundMs };
  const versions = versionsOf({ temporal: stack.serverVersion });
  writeResults('fairness', { name: 'fairness', ...about, versions, settings, rows });
  say('written to bench/results/fairness.json');
}

async function measure(perSecond: number): Promise<Row> {
  const taskQueue = `fair-${String(perSecond)}`;
  const simulator = await startSimulator({ seed: 1, scenario: 'instant' });
  const worker = await startWorkerProcess({
    kind: 'ours',
    address: stack.server.address,
    taskQueue,
    bundlePath: stack.bundles.ours,
    modelApiBase: simulator.modelApiBase,
    submitsPerSecond: perSecond,
  });
  const generations = createGenerationClient({ client: stack.client, taskQueue });
  try {
    const items = Array.from({ length: batchItems }, (_, nth) => ({
      id: `item-${String(nth)}`,
      input: { prompt: `item ${String(nth)}` },
    }));
    const request = { keepOpen: true, defaults: { model }, window: 200 };
    const batch = await generations.batches.start(request, { key: `${taskQueue}-batch` });
    await batch.addAll(items, { signal: AbortSignal.timeout(longestUploadMs) });
    say(`${String(perSecond)}/s: ${String(batchItems)} items were added`);
    await until(() => simulator.ledger().jobs.length > 0);
    await sleep(settleMs);
    const from = Date.now();
    const waitedMs: number[] = [];
    while (waitedMs.length < interactiveOrders) {
      waitedMs.push(await orderNow(generations, simulator, `${taskQueue}-now-${String(waitedMs.length)}`));
      // At a random moment of an interval, not always just after a submit.
      await sleep((Math.random() * 1_000) / perSecond);
    }
    await sleep(Math.max(0, from + measuredMs - Date.now()));
    const to = Date.now();
    const accepted = simulator.ledger().jobs.filter(({ acceptedAt }) => acceptedAt >= from && acceptedAt < to);
    const reachedPerSecond = (accepted.length * 1_000) / (to - from);
    const reachedPercent = (reachedPerSecond / perSecond) * 100;
    const intervals = waitedMs.map((ms) => (ms * perSecond) / 1_000);
    const p95Intervals = quantile(intervals, 0.95);
    // A batch that keeps waiting would slow down the next measurement.
    await batch.cancel({ reason: 'measured', detach: true }, { timeoutMs: longestMs });
    const isSoon = p95Intervals <= withinIntervals + (aroundMs * perSecond) / 1_000;
    return {
      perSecond,
      reachedPerSecond,
      reachedPercent,
      interactive: intervals.length,
      p50Intervals: quantile(intervals, 0.5),
      p95Intervals,
      isRight: isSoon && reachedPercent >= 90 && reachedPercent <= 115,
    };
  } finally {
    await worker.kill9();
    await simulator.close();
  }
}

/** Orders as a person at a screen does. Resolves to the milliseconds until RunComfy has accepted the order. */
async function orderNow(generations: GenerationClient, simulator: Simulator, key: string): Promise<number> {
  const orderedAt = Date.now();
  await generations.start({ model, input: { prompt: key } }, { key });
  const find = () => simulator.ledger().jobs.find(({ input }) => input['prompt'] === key);
  await until(() => find() !== undefined);
  return (find()?.acceptedAt ?? NaN) - orderedAt;
}

async function until(isReached: () => boolean): Promise<void> {
  const giveUpAt = Date.now() + longestMs;
  while (!isReached()) {
    if (Date.now() > giveUpAt) throw new Error('nothing was ordered for two minutes');
    await sleep(20);
  }
}
