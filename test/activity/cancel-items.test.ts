import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { expect, it } from 'vitest';
import type { BatchDeps } from '../../activities/batch/batch-deps.ts';
import { createCancelItems } from '../../activities/batch/cancel-items.ts';
import type { CancelItemsQuestion } from '../../domain/batch/batch-activities.ts';
import { isSameJson } from '../../domain/json.ts';

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
    key: 'batch',
    firstRunId: 'run-1',
    hasPlan: true,
    open: [],
    pages: [{ page: 0, from: 0, count: 3 }],
    doubtful: [0, 1, 2],
    paid: { 0: 500_000 },
  };
  expect(await environment.run(createCancelItems(deps), question)).toEqual({
    started: [0, 1],
    outcomes: ['unknown', 'too_late'],
  });
});

const items = ['a', 'b', 'a', 'c', 'c'].map((id, at) => ({ id, input: { prompt: String(at) } }));
const asked = {
  key: 'batch',
  firstRunId: 'run-2',
  pages: [{ page: 0, from: 0, count: items.length }],
  open: [],
  doubtful: items.map((_, index) => index),
};

/** What a cancel is told where an earlier run of the batch has ordered all of these keys, as `isSame` tells of an order. */
async function cancelled(question: CancelItemsQuestion, isSame: (order: object | undefined) => boolean) {
  const orders = {
    wasStarted: (_key: string, _mark: object, order?: object) => Promise.resolve(isSame(order) && 'before'),
    cancel: () => Promise.resolve('too_late'),
  };
  const read = question.hasPlan ? items.map(({ id, input }) => ({ id, params: input })) : items;
  const deps = { orders, pipelines: orders, pages: { readItems: () => Promise.resolve(read) } };
  const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR', () => undefined) });
  return await environment.run(createCancelItems(deps as unknown as BatchDeps), question);
}

it.each<[string, Partial<CancelItemsQuestion>, object]>([
  ['generations', { defaults: { model: 'a/b' } }, { model: 'a/b', input: { prompt: '2' } }],
  ['pipelines', { hasPlan: true, plan: { steps: {} }, defaults: {} }, { plan: { steps: {} }, params: { prompt: '2' } }],
])('what an earlier run has ordered counts as started only where it is what the item orders: %s', async (...given) => {
  const [_, more, made] = given;
  const answer = await cancelled({ ...asked, ...more }, (order) => {
    expect(order).toBeDefined();
    return Object.entries(made).every(([name, value]) => isSameJson((order as Record<string, unknown>)[name], value));
  });
  expect(answer).toEqual({ started: [2], outcomes: ['too_late'], attached: [2] });
});

it('one order of an earlier run is that of one place, also where another one is in flight', async () => {
  const told = { outcomes: ['too_late', 'too_late'], started: [1, 3], attached: [1, 3] };
  const open: CancelItemsQuestion['open'] = [{ index: 0, attached: true }];
  const answer = await cancelled({ ...asked, defaults: {}, open, doubtful: [1, 2, 3, 4] }, () => true);
  expect(answer).toEqual({ ...told, outcomes: ['too_late', ...told.outcomes] });
});

it('a batch of an earlier version, which does not say what its items order, is told all that was ordered', async () => {
  expect(await cancelled(asked, (order) => order === undefined)).toMatchObject({ started: [0, 1, 3] });
});

it('of what is asked to cancel it is told what an earlier run of the batch has ordered', async () => {
  const orders = {
    wasStarted: (key: string) => Promise.resolve(key === 'batch/a' ? 'before' : key === 'batch/b'),
    cancel: () => Promise.resolve('too_late'),
  };
  const items = ['a', 'b', 'c'].map((id) => ({ id }));
  const deps = { orders, pages: { readItems: () => Promise.resolve(items) } } as unknown as BatchDeps;
  const question = { key: 'batch', firstRunId: 'run-1', pages: [{ page: 0, from: 0, count: 3 }], open: [] };
  const answer = await new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR', () => undefined) }).run(
    createCancelItems(deps),
    { ...question, doubtful: [0, 1, 2] },
  );
  expect(answer).toEqual({ outcomes: ['too_late', 'too_late'], started: [0, 1], attached: [0] });
});
