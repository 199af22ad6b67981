import { expect, it } from 'vitest';
import type { BatchDeps } from '../../../../activities/batch/batch-deps.ts';
import { createItemReader } from '../../../../activities/batch/item-reader.ts';
import type { BatchItem } from '../../../../domain/batch/batch.ts';

/** Reads the second of two items that were added as page 7. */
function readSecond(items: unknown[] | undefined) {
  const pages = { readItems: () => Promise.resolve(items as BatchItem[] | undefined) } as unknown as BatchDeps['pages'];
  return createItemReader({ pages }, { key: 'k', pages: [{ page: 7, from: 0, count: 2 }] })(1);
}

it('an item whose page Temporal has forgotten says so, and one that nobody understands something else', async () => {
  const named = { id: '#1', key: 'k/#1' };
  const problem = "page 7 of the items is kept no longer: Temporal's retention has passed";
  expect(await readSecond(undefined)).toMatchObject({ ...named, problem });
  const odd = { ...named, problem: 'page 7 holds no item that can be understood at this place' };
  expect(await readSecond([{ id: 'a' }])).toMatchObject(odd);
  expect(await readSecond([{ id: 'a' }, 5])).toMatchObject(odd);
  expect(await readSecond([{ id: 'a' }, { id: 'b' }])).toEqual({ id: 'b', key: 'k/b', item: { id: 'b' } });
});
