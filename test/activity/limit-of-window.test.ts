import { setTimeout as sleep } from 'node:timers/promises';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { expect, it } from 'vitest';
import type { BatchDeps } from '../../activities/batch/batch-deps.ts';
import { createRunWindow } from '../../activities/batch/run-window.ts';
import type { WindowQuestion } from '../../domain/batch/batch-activities.ts';

const limited: WindowQuestion = {
  key: 'batch',
  firstRunId: 'run-1',
  defaults: {},
  priority: {},
  write: [],
  lastsMs: 2_000,
  pages: [{ page: 0, from: 0, count: 2 }],
  total: 2,
  cursor: 0,
  open: [],
  givenBack: [],
  window: 2,
  mayStart: true,
  failuresInARow: 0,
  pauseAfterFailures: 0,
  spent: 0,
  maxCost: 10_000_000,
};

it.each<[string, Partial<WindowQuestion>]>([
  ['and is refused now for want of a price', {}],
  ['and was taken up in a pause', { cursor: 1, open: [{ index: 0 }] }],
])('what a lost window has started, %s, leaves no room under the limit until it has ended', async (_, more) => {
  const told: string[] = [];
  const orders = {
    wasStarted: (key: string) => Promise.resolve(key === 'batch/a'),
    start(_order: object, { key }: { key: string }) {
      told.push(`${key} is started`);
      return Promise.resolve({ isStarted: true });
    },
    async follow(key: string) {
      if (key === 'batch/a') {
        await sleep(200);
        told.push(`${key} has ended`);
      }
      return { result: { costUsd: 6 } };
    },
  };
  const items = [
    { id: 'a', model: 'some/text-to-image' },
    { id: 'b', model: 'other/text-to-image', maxPriceUsd: 4 },
  ];
  const deps = {
    orders,
    pages: { readItems: () => Promise.resolve(items), write: () => Promise.resolve() },
    lookup: { getModel: () => Promise.resolve({}) },
    stopping: new AbortController().signal,
    refusalAfter: () => undefined,
  } as unknown as BatchDeps;
  const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR', () => undefined) });
  const answer = await environment.run(createRunWindow(deps), { ...limited, ...more });
  expect(told).toEqual(['batch/a has ended', 'batch/b is started']);
  expect(answer).toMatchObject({ open: [], cursor: 2 });
  expect(answer).not.toHaveProperty('stop');
});
