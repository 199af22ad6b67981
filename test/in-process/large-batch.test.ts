import { expect, inject, it } from 'vitest';
import { playBatch } from '../fuzz/batches/play.ts';
import type { BatchScript } from '../fuzz/batches/script.ts';
import { brokenBatchPromises } from '../fuzz/batches/truth.ts';
import { openSandbox } from '../support/workflow-sandbox.ts';

/** Of twenty items one fails, and of a hundred nobody knows what became of one; the wallet empties once, and workers die. */
const script: BatchScript = {
  items: 800,
  adds: [
    { afterMs: 5_000, count: 150 },
    { afterMs: 20_000, count: 50 },
  ],
  window: 100,
  maxCostUsd: undefined,
  pauseAfterFailures: 25,
  fates: Array.from({ length: 100 }, (_, at) => (at === 50 ? 'is unknown' : at % 20 === 7 ? 'fails' : 'succeeds')),
  walls: [{ order: 400, type: 'InsufficientBalance' }],
  wishes: [
    { afterMs: 10_000, wish: 'pause', way: 'signal', window: 1 },
    { afterMs: 30_000, wish: 'set', way: 'update', window: 200 },
  ],
  isCancelledAfterMs: undefined,
  deaths: [
    { attempt: 2, afterMs: 1_000 },
    { attempt: 5, afterMs: 4_000 },
    { attempt: 9, afterMs: 2_000 },
  ],
  tasksPerRun: 10,
};

it('a thousand items with failures, an empty wallet and deaths of workers have a line each, and a bill each at most', async () => {
  const sandbox = await openSandbox({ codePath: inject('workflowBundlePath') }, 1);
  try {
    const played = await playBatch(sandbox, script, 15);
    expect(brokenBatchPromises(script, played)).toEqual([]);
    expect(played.lines).toHaveLength(1_000);
    const orders = [...played.outside.orders.values()];
    expect(orders.map(({ accepted }) => accepted)).toEqual(Array.from({ length: 1_000 }, () => 1));
    const { counts, money } = played.states.at(-1) ?? {};
    expect(counts).toMatchObject({ total: 1_000, succeeded: 940, failed: 50, unknown: 10, waiting: 0, inFlight: 0 });
    expect(money?.spentUsd).toBeCloseTo(940 * 0.01);
    expect(played.states.map(({ paused }) => paused?.reason)).toEqual(expect.arrayContaining(['user', 'balance']));
    expect(played.runs).toBeGreaterThan(1);
  } finally {
    await sandbox.close();
  }
});
