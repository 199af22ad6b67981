import type { BatchItem, BatchLine } from './batch.ts';

/** The one argument of workflow `runcomfyBatchPage`: items to be read back, or lines that it returns. */
export type BatchPage = { items: BatchItem[] } | { lines: BatchLine[] };

/** What batches keep in Temporal, by batch and page number. */
export interface BatchPages {
  /** Undefined where no such page is. */
  readItems: (key: string, page: number) => Promise<BatchItem[] | undefined>;
  /** Undefined where no such page is. */
  readLines: (key: string, page: number) => Promise<BatchLine[] | undefined>;
  /** Writes a page once; false where other items have its number. */
  write: (key: string, page: number, content: BatchPage) => Promise<boolean>;
}

/** Which items a page holds: so many from this index on. */
export interface ItemRange {
  page: number;
  from: number;
  count: number;
}

/** A page of items, as a batch knows it. */
export interface PageOfItems extends ItemRange {
  /** SHA-256 over this page's items and the digest of the page before. */
  digest: string;
}

/** Where an item lies. */
export interface ItemPlace {
  page: number;
  /** Counted from 0 within the page. */
  at: number;
}

/** The place of an item by its index in the batch; undefined where no page holds it. */
export function placeOf(ranges: readonly ItemRange[], index: number): ItemPlace | undefined {
  const range = ranges.find(({ from, count }) => index >= from && index < from + count);
  return range && { page: range.page, at: index - range.from };
}

/** How many items the pages hold. */
export function itemsIn(pages: readonly ItemRange[]): number {
  const last = pages.at(-1);
  return last ? last.from + last.count : 0;
}

/** The pages that hold the items of these indices, and those from `first` up to `end`: an argument carries no more. */
export function pagesFor(
  pages: readonly ItemRange[],
  indices: readonly number[],
  { first, end }: { first: number; end: number },
): ItemRange[] {
  const isAsked = ({ from, count }: ItemRange) =>
    (from < end && from + count > first) || indices.some((index) => index >= from && index < from + count);
  return pages.filter(isAsked).map(({ page, from, count }) => ({ page, from, count }));
}
