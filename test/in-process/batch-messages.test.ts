import { expect, it } from 'vitest';
import { batchLimits } from '../../domain/batch/batch.ts';
import type { BatchData } from '../../workflows/batch/memory.ts';
import {
  answered,
  batchesByTasks,
  repliesIn,
  signalled,
  updated,
  windowAnswered,
} from '../support/batch-in-process.ts';

const open = batchesByTasks();
const digestOf = (page: number) => page.toString(16).padStart(64, '0');

it('54: an add that is sent again later is answered as it was then, whatever was added since', async () => {
  const { play } = await open({ keepOpen: true, defaults: { model: 'a/b' } });
  const add = { from: 0, count: 100, page: 0, digest: digestOf(0) };
  expect(repliesIn(await play(updated('add', add, 'first')))).toEqual([{ count: 100 }]);
  const next = { from: 100, count: 50, page: 1, digest: digestOf(1) };
  expect(repliesIn(await play(updated('add', next, 'second')))).toEqual([{ count: 150 }]);
  expect(repliesIn(await play(updated('add', add, 'first again')))).toEqual([{ count: 100 }]);
  expect(repliesIn(await play(updated('add', next, 'second again')))).toEqual([{ count: 150 }]);
});

it('takes a page beside items of null, and items beside a page of null', async () => {
  const { play, scheduled } = await open({ keepOpen: true, defaults: { model: 'a/b' } });
  const page = { from: 0, count: 100, page: 0, digest: digestOf(0), items: null };
  for (const id of ['first', 'first again'])
    expect(repliesIn(await play(updated('add', page, id)))).toEqual([{ count: 100 }]);
  const items = { from: 100, items: [{ id: 'a', input: { prompt: 'a' } }], page: null, count: null, digest: null };
  await play(updated('add', items, 'second'));
  const kept = { page: 1, from: 100, count: 1, digest: digestOf(1) };
  const replies = await play(answered(scheduled('storeItems')?.seq, [kept]));
  expect(repliesIn(replies)).toEqual([{ count: 101 }]);
  await play(updated('add', items, 'second again'));
  expect(repliesIn(await play(answered(scheduled('storeItems')?.seq, [kept])))).toEqual([{ count: 101 }]);
});

it('refuses another page once it could no longer be continued with them, and takes the last one sent again', async () => {
  const at = (from: number) => ({ from, count: 1, page: from, digest: digestOf(from) });
  const carried: BatchData = {
    ...{ startedAt: new Date(0).toISOString(), addedAt: 0, inline: [], sealed: false, window: 20, recent: [] },
    ...{ pages: Array.from({ length: batchLimits.pages }, (_, from) => at(from)), cursor: batchLimits.pages },
    ...{
      reach: batchLimits.pages,
      open: [],
      givenBack: [],
      lines: [],
      linePage: 100,
      spent: 0,
      presumed: 0,
      unpriced: 0,
    },
    ended: { succeeded: batchLimits.pages, failed: 0, cancelled: 0, timedOut: 0, unknown: 0, notStarted: 0 },
    ...{ failures: [], failuresInARow: 0 },
  };
  const { play, state } = await open({ keepOpen: true, defaults: { model: 'a/b' } }, carried);
  const refused = 'a batch has at most 10000 pages of items: add more items at a time';
  const more = updated('add', at(batchLimits.pages), 'more');
  expect(repliesIn(await play(more))).toEqual([refused]);
  const again = updated('add', at(batchLimits.pages - 1), 'again');
  expect(repliesIn(await play(again))).toEqual([{ count: batchLimits.pages }]);
  expect((await state()).counts.total).toBe(batchLimits.pages);
});

it('lists tell a pause, a resume and what was told before it waits at once, and what is presumed counts beside what is spent', async () => {
  const items = ['a', 'b'].map((id) => ({ id, input: { prompt: id } }));
  const { play, scheduled, memo, state } = await open({
    items,
    keepOpen: true,
    defaults: { model: 'a/b' },
    maxCostUsd: 2,
  });
  await play(answered(scheduled('storeItems')?.seq, [{ page: 0, from: 0, count: 2, digest: digestOf(0) }]));
  const stop = { reason: 'max_cost', message: 'b could take the cost above the limit' } as const;
  const line = { id: 'a', key: 'batch/a', status: 'succeeded' } as const;
  const ended = [{ index: 0, line, cost: 1_500_000, known: 500_000, presumed: true as const }];
  await play(windowAnswered(scheduled('runWindow')?.seq, { ended, cursor: 1, stop }));
  expect(memo()).toMatchObject({ phase: 'paused', counts: { succeeded: 1 }, costUsd: 0.5, presumedUsd: 1 });
  expect((await state()).money).toMatchObject({ spentUsd: 0.5, presumedUsd: 1, maxCostUsd: 2 });
  await play(signalled('resume'));
  expect(memo()).toMatchObject({ phase: 'running' });
  const last = [{ index: 1, line: { ...line, id: 'b' }, cost: 0 }];
  await play(windowAnswered(scheduled('runWindow')?.seq, { ended: last, cursor: 2 }));
  expect(memo()).toMatchObject({ phase: 'running', counts: { succeeded: 2 } });
  await play(signalled('pause'));
  expect(memo()).toMatchObject({ phase: 'paused' });
  await play(signalled('pause'));
  expect(memo()).toBeUndefined();
});
