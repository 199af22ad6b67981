import { createHash } from 'node:crypto';
import { type BatchItem, batchLimits } from '../../domain/batch/batch.ts';
import { canonicalJson } from '../digest.ts';

/**
 * Digest of all items so far, from that of the items before: a chain of SHA-256 over the single items, independent of
 * how they are split into pages.
 */
export function chainDigest(before: string, items: readonly BatchItem[]): string {
  return items.reduce(
    (digest, item) => createHash('sha256').update(digest).update(canonicalJson(item)).digest('hex'),
    before,
  );
}

/** Splits items into pages of at most 250 items and 128 KiB; a larger item gets a page of its own. */
export function splitIntoPages(items: readonly BatchItem[]): BatchItem[][] {
  const pages: BatchItem[][] = [];
  let bytes = 0;
  for (const item of items) {
    const itemBytes = Buffer.byteLength(JSON.stringify(item)) + 1;
    const last = pages.at(-1);
    if (last && last.length < batchLimits.pageItems && bytes + itemBytes <= batchLimits.pageBytes) {
      last.push(item);
      bytes += itemBytes;
    } else {
      pages.push([item]);
      bytes = itemBytes;
    }
  }
  return pages;
}
