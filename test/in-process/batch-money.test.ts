import { expect, it } from 'vitest';
import type { PageOfItems } from '../../domain/batch/batch-page.ts';
import type { BatchLine } from '../../domain/batch/batch.ts';
import {
  answered,
  batchesByTasks,
  repliesIn,
  signalled,
  updated,
  windowAnswered,
} from '../support/batch-in-process.ts';

const items = [{ id: 'a', params: {} }];
const page: PageOfItems = { page: 0, from: 0, count: 1, digest: '0'.repeat(64) };
const stop = { reason: 'balance', message: 'empty' } as const;

const open = batchesByTasks();

it('what is only presumed of an item that was given back is no money spent, and is counted once', async () => {
  const { play, scheduled, question, state, memo } = await open({ items, plan: {} });
  await play(answered(scheduled('storeItems')?.seq, [page]));
  const counted = { paid: { 0: 70_000 }, presumedPaid: { 0: 50_000 } };
  const more = { paidMore: 70_000, presumedMore: 50_000 };
  await play(windowAnswered(scheduled('runWindow')?.seq, { cursor: 1, givenBack: [0], stop, ...counted, ...more }));
  expect((await state()).money).toMatchObject({ spentUsd: 0.02, presumedUsd: 0.05 });
  expect(memo()).toMatchObject({ costUsd: 0.02, presumedUsd: 0.05 });
  await play(signalled('resume'));
  expect(question()).toMatchObject({ spent: 70_000, ...counted });
  const line: BatchLine = { id: 'a', key: 'batch/a', status: 'succeeded', costUsd: 0.05 };
  const ended = [{ index: 0, line, cost: 30_000, presumed: true as const, known: 30_000 }];
  await play(windowAnswered(scheduled('runWindow')?.seq, { cursor: 1, ended }));
  expect((await state()).money).toMatchObject({ spentUsd: 0.05, presumedUsd: 0.05 });
});

it.each<[string, object, number | null | string]>([
  ['null beside a window', { window: 5, maxCostUsd: null }, 2],
  ['null beside other fields of null', { window: null, maxCostUsd: null, noMaxCost: null }, 2],
  ['null beside what does not ask for it', { maxCostUsd: null, noMaxCost: false }, 2],
  ['null alone', { maxCostUsd: null }, null],
  ['a field of its own', { window: 5, maxCostUsd: null, noMaxCost: true }, null],
  [
    'a limit of its own as well',
    { maxCostUsd: 3, noMaxCost: true },
    '$.noMaxCost: expected maxCostUsd or noMaxCost, not both',
  ],
  ['junk', { noMaxCost: 'yes' }, '$.noMaxCost: expected true or false, got "yes"'],
])('a limit of money is taken away only by who says so: %s', async (_, message, expected) => {
  const { play, state } = await open({ keepOpen: true, defaults: { model: 'a/b' }, maxCostUsd: 2 });
  const [reply] = repliesIn(await play(updated('set', message, 'set')));
  if (typeof expected === 'string') expect(reply).toContain(expected);
  else expect(reply).toMatchObject({ maxCostUsd: expected });
  const { maxCostUsd } = (await state()).money;
  expect(maxCostUsd ?? null).toBe(typeof expected === 'string' ? 2 : expected);
});
