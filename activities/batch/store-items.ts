import type { BatchActivities } from '../../domain/batch/batch-activities.ts';
import type { PageOfItems } from '../../domain/batch/batch-page.ts';
import { chainDigest, splitIntoPages } from '../../plans/batch/item-pages.ts';
import { withHeartbeats } from '../pipeline/with-heartbeats.ts';
import type { BatchDeps } from './batch-deps.ts';

/** Stores items as pages. Skips a page number that somebody has used for other items. */
export function createStoreItems({ pages }: BatchDeps): BatchActivities['storeItems'] {
  return ({ key, items, after, page: first, from: start, isCheck }) =>
    withHeartbeats(async () => {
      if (items === undefined) {
        const written = (await pages.readItems(key, first)) ?? [];
        return [{ page: first, from: start, count: written.length, digest: chainDigest(after, written) }];
      }
      const stored: PageOfItems[] = [];
      let page = first;
      let from = start;
      let digest = after;
      for (const some of splitIntoPages(items)) {
        while (!isCheck && !(await pages.write(key, page, { items: some }))) page += 1;
        digest = chainDigest(digest, some);
        stored.push({ page, from, count: some.length, digest });
        page += 1;
        from += some.length;
      }
      return stored;
    });
}
