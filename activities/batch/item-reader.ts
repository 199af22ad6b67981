import { findItemIssues } from '../../domain/batch/batch-item.ts';
import { type ItemRange, placeOf } from '../../domain/batch/batch-page.ts';
import type { BatchItem } from '../../domain/batch/batch.ts';
import { batchItemKey, maxWorkflowIdLength, tooLong } from '../../domain/names.ts';
import type { BatchDeps } from './batch-deps.ts';

/** An item and its names. */
export interface ItemToOrder {
  id: string;
  key: string;
  item: BatchItem;
  /** Why the item cannot be ordered. */
  problem?: string;
}

/**
 * Reads items by their index in the batch. An item that cannot be read gets a name all the same, since each item gets
 * its line.
 */
export function createItemReader(
  { pages }: Pick<BatchDeps, 'pages'>,
  { key, pages: ranges, hasPlan }: { key: string; pages: ItemRange[]; hasPlan?: boolean },
) {
  return async (index: number): Promise<ItemToOrder> => {
    const place = placeOf(ranges, index);
    const items = place && (await pages.readItems(key, place.page));
    const item = items?.[place?.at ?? 0];
    // Checked again, since anyone may have written the page.
    if (item === undefined || findItemIssues(item, hasPlan ? 'pipeline' : 'generation').length > 0) {
      const id = `#${String(index)}`;
      const page = `page ${String(place?.page)}`;
      const problem =
        place && items === undefined
          ? `${page} of the items is kept no longer: Temporal's retention has passed`
          : `${page} holds no item that can be understood at this place`;
      return { id, key: batchItemKey(key, id), item: { id }, problem };
    }
    const itemKey = batchItemKey(key, item.id);
    if (itemKey.length <= maxWorkflowIdLength) return { id: item.id, key: itemKey, item };
    const problem = `its key, made of the batch's and its id, ${tooLong(itemKey.length)}; take a shorter one`;
    return { id: item.id, key: itemKey, item, problem };
  };
}
