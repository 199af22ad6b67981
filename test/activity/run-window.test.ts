import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { expect, it } from 'vitest';
import type { BatchDeps } from '../../activities/batch/batch-deps.ts';
import { createRunWindow } from '../../activities/batch/run-window.ts';
import type { WindowAnswer, WindowQuestion } from '../../domain/batch/batch-activities.ts';
import type { BatchItem } from '../../domain/batch/batch.ts';

const paused: WindowQuestion = {
  ...{ key: 'batch', firstRunId: 'run-1', defaults: {}, priority: {}, write: [], lastsMs: 1 },
  ...{ pages: [{ page: 0, from: 0, count: 2 }], total: 2, cursor: 0, open: [], givenBack: [], window: 2 },
  ...{ mayStart: false, doubtful: [0, 1], failuresInARow: 0, pauseAfterFailures: 0, spent: 0 },
};

/** What a window in a pause tells of the first item, which a lost one has started, while the catalogue is away. */
async function lookUp(limits: Partial<WindowQuestion>, item: Partial<BatchItem>): Promise<WindowAnswer> {
  const orders = {
    wasStarted: (key: string) => Promise.resolve(key === 'batch/a'),
    follow: (_: string, signal: AbortSignal) =>
      new Promise<never>((_resolve, reject) => {
        const end = () => {
          reject(signal.reason as Error);
        };
        if (signal.aborted) end();
        else signal.addEventListener('abort', end);
      }),
  };
  const items = ['a', 'b'].map((id) => ({ id, model: 'some/text-to-image', input: {}, ...item }));
  const deps = {
    orders,
    pages: { readItems: () => Promise.resolve(items) },
    lookup: { getModel: () => Promise.reject(new Error('too slow')) },
    stopping: new AbortController().signal,
    refusalAfter: () => undefined,
  } as unknown as BatchDeps;
  const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR', () => undefined) });
  return await environment.run(createRunWindow(deps), { ...paused, ...limits });
}

it.each<[string, Partial<WindowQuestion>, Partial<BatchItem>, Partial<WindowAnswer>]>([
  ['nothing where a limit asks for its price', { maxCost: 1_000_000 }, {}, { open: [], cursor: 0, isInDoubt: true }],
  [
    'the item at the price that it says itself',
    { maxCost: 1_000_000 },
    { maxPriceUsd: 0.5 },
    { open: [{ index: 0, price: 500_000 }], cursor: 1, isInDoubt: false },
  ],
  ['the item where nothing asks for its price', {}, {}, { open: [{ index: 0 }], cursor: 1, isInDoubt: false }],
])('of what a lost window had started is taken up, while the catalogue is away, %s', async (_, limits, item, told) => {
  expect(await lookUp(limits, item)).toEqual({ ended: [], givenBack: [], isFirstAttempt: true, ...told });
});
