import type { BatchItem, BatchLine } from './batch.ts';

/** The one argument of workflow `runcomfyBatchPage`: items, to be read back later, or lines, which it returns. */
export type BatchPage = { items: BatchItem[] } | { lines: BatchLine[] };

/** The pages that batches store in Temporal, by batch and page number. */
export interface BatchPages {
  /** Undefined if there is no such page. */
  readItems: (key: string, page: number) => Promise<BatchItem[] | undefined>;
  /** Undefined if there is no such page. */
  readLines: (key: string, page: number) => Promise<BatchLine[] | undefined>;
  /** Writes a page once; false if a page of this number with other items exists. */
  write: (key: string, page: number, content: BatchPage) => Promise<boolean>;
}

/** Which items a page holds: `count` items, from index `from` on. */
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

/** The place of an item. */
export interface ItemPlace {
  page: number;
  /** Counted from 0 within the page. */
  at: number;
}

/** The place of an item by its index in the batch; undefined if no page holds it. */
export function placeOf(ranges: readonly ItemRange[], index: number): ItemPlace | undefined {
  const range = ranges.find(({ from, count }) => index >= from && index < from + count);
  return range && { page: range.page, at: index - range.from };
}

/** How many items the pages hold. */
export function itemsIn(pages: readonly ItemRange[]): number {
  const last = pages.at(-1);
  return last ? last.from + last.count : 0;
}

/**
 * The pages that hold the items of these indices and those from `first` up to, not including, `end`. An argument has no
 * room for more.
 */
export function pagesFor(
  pages: readonly ItemRange[],
  indices: readonly number[],
  { first, end }: { first: number; end: number },
): ItemRange[] {
  const isAsked = ({ from, count }: ItemRange) =>
    (from < end && from + count > first) || indices.some((index) => index >= from && index < from + count);
  return pages.filter(isAsked).map(({ page, from, count }) => ({ page, from, count }));
}
