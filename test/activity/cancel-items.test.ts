import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { expect, it } from 'vitest';
import type { BatchDeps } from '../../activities/batch/batch-deps.ts';
import { createCancelItems } from '../../activities/batch/cancel-items.ts';
import type { CancelItemsQuestion } from '../../domain/batch/batch-activities.ts';

it('what an item has cost counts as started though Temporal keeps nothing of it', async () => {
  const pipelines = {
    wasStarted: (key: string) => Promise.resolve(key === 'batch/b'),
    cancel: (key: string) => Promise.resolve(key === 'batch/b' ? 'too_late' : 'unknown'),
  };
  const deps = {
    pipelines,
    pages: { readItems: () => Promise.resolve(['a', 'b', 'c'].map((id) => ({ id, params: {} }))) },
  } as unknown as BatchDeps;
  const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR', () => undefined) });
  const question: CancelItemsQuestion = {
    ...{ key: 'batch', firstRunId: 'run-1', hasPlan: true, open: [] },
    ...{ pages: [{ page: 0, from: 0, count: 3 }], doubtful: [0, 1, 2], paid: { 0: 500_000 } },
  };
  expect(await environment.run(createCancelItems(deps), question)).toEqual({
    started: [0, 1],
    outcomes: ['unknown', 'too_late'],
  });
});
