import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { expect, it } from 'vitest';
import type { BatchDeps } from '../../activities/batch/batch-deps.ts';
import { createRunWindow } from '../../activities/batch/run-window.ts';
import type { OpenItem, WindowAnswer, WindowQuestion } from '../../domain/batch/batch-activities.ts';
import type { ItemEnd, ItemFigures } from '../../domain/batch/item-end.ts';

const paid = { paid: { 0: 1_000_000 }, presumedPaid: { 0: 250_000 } };

/** What a window tells of one item that it has paid and given back before, and whose pipeline has ended so since. */
async function windowWith(end: ItemEnd, open: Partial<OpenItem> = {}): Promise<WindowAnswer> {
  const pipelines = { follow: () => Promise.resolve(end), closedAt: () => Promise.resolve(new Date(0)) };
  const deps = {
    pipelines,
    pages: { readItems: () => Promise.resolve([{ id: 'a', params: {} }]) },
    lookup: { getModel: () => Promise.resolve({}) },
    stopping: new AbortController().signal,
    refusalAfter: () => undefined,
  } as unknown as BatchDeps;
  const question: WindowQuestion = {
    key: 'batch',
    firstRunId: 'run-1',
    plan: {},
    defaults: {},
    priority: {},
    write: [],
    lastsMs: 5_000,
    pages: [{ page: 0, from: 0, count: 1 }],
    total: 1,
    cursor: 1,
    givenBack: [],
    window: 1,
    mayStart: false,
    failuresInARow: 0,
    pauseAfterFailures: 0,
    spent: 1_000_000,
    open: [{ index: 0, ...open }],
    ...paid,
  };
  const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR', () => undefined) });
  return await environment.run(createRunWindow(deps), question);
}

it.each<[string, ItemFigures, number]>([
  ['by the batch, whose mark tells what was paid', { costUsd: 2.75, presumedUsd: 0.25 }, 2.75],
  ['by hand, with no mark', { costUsd: 2, isByHand: true }, 2.75],
])('what was paid counts once, and is told, where the pipeline was run again %s', async (_, figures, told) => {
  const [ended] = (await windowWith({ result: figures })).ended;
  expect(ended?.line).toMatchObject({ status: 'succeeded', costUsd: told });
  expect(ended?.cost).toBe(2_000_000);
});

const wall = (costUsd: number): ItemEnd => ({
  failure: {
    error: { type: 'InsufficientBalance', message: 'empty', submission: 'refused' },
    costUsd,
    isByHand: true,
  },
});

it('what was paid before a run by hand met a wall is told where the batch is cancelled', async () => {
  const [ended] = (await windowWith(wall(0), { cancel: 'too_late' })).ended;
  expect(ended?.line).toMatchObject({ status: 'failed', costUsd: 0.75, error: { submission: 'accepted' } });
  expect(ended?.cost).toBe(0);
});

it('what was paid counts once where nothing has run since', async () => {
  const error = { type: 'InsufficientBalance', message: 'empty', submission: 'refused' } as const;
  const end: ItemEnd = { failure: { error, costUsd: 0.75, presumedUsd: 0.25 } };
  const [ended] = (await windowWith(end, { cancel: 'too_late' })).ended;
  expect(ended).toMatchObject({ cost: 0, line: { costUsd: 0.75, error: { submission: 'accepted' } } });
});

it('what a run by hand has cost until it met a wall counts beside what was paid before', async () => {
  const more = { paidMore: 500_000, presumedPaid: { 0: 250_000 } };
  expect(await windowWith(wall(0.5))).toMatchObject({ givenBack: [0], paid: { 0: 1_500_000 }, ...more });
});
