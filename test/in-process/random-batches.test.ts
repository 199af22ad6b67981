import { expect, inject, it, onTestFinished } from 'vitest';
import { describeBatches, fuzzBatches } from '../fuzz/batches/campaign.ts';
import { playBatch } from '../fuzz/batches/play.ts';
import type { BatchScript } from '../fuzz/batches/script.ts';
import { brokenBatchPromises } from '../fuzz/batches/truth.ts';
import { openSandbox } from '../support/workflow-sandbox.ts';

it('random batches with deaths of workers, pauses, walls, adds and cancels break no promise of batches', async () => {
  const campaign = await fuzzBatches(20, 7, { codePath: inject('workflowBundlePath') });
  expect(campaign.found, describeBatches(campaign)).toEqual([]);
  expect(campaign.orders).toBeGreaterThan(40);
  expect(campaign.longer).toBeGreaterThan(0);
  expect(Object.keys(campaign.ends).length).toBeGreaterThan(1);
});

const script: BatchScript = {
  items: 12,
  adds: [],
  window: 3,
  maxCostUsd: undefined,
  pauseAfterFailures: 0,
  fates: ['hangs'],
  walls: [],
  isCancelledAfterMs: undefined,
  tasksPerRun: 1_000,
  wishes: [],
  // The first attempt of all keeps the items.
  deaths: [{ attempt: 1, afterMs: 20 }],
};
const pause = { afterMs: 5_000, wish: 'pause', way: 'signal', window: 3 } as const;
const wall = { order: 3, type: 'InsufficientBalance' } as const;

it.each([
  ['before a pause', { ...script, wishes: [pause] }],
  ['before the next attempt meets a wall', { ...script, window: 6, walls: [wall] }],
] satisfies [string, BatchScript][])(
  'a paused batch counts and follows what a window that was lost had started %s',
  async (_, played) => {
    const sandbox = await openSandbox({ codePath: inject('workflowBundlePath') });
    onTestFinished(() => sandbox.close());
    const told = await playBatch(sandbox, played, 1);
    const paused = told.states.findLast((state) => state.paused);
    expect(paused).toMatchObject({ counts: { total: 12, inFlight: 3, waiting: 9 }, money: { reservedUsd: 0.03 } });
    expect(brokenBatchPromises(played, told)).toEqual([]);
  },
);
