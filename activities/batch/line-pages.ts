import type { LinesToWrite } from '../../domain/batch/batch-activities.ts';
import type { BatchDeps } from './batch-deps.ts';

const atOnce = 8;

/** Writes pages of lines. Content and page numbers are fixed, so a page that already exists is the same page. */
export async function writeLinePages(
  pages: BatchDeps['pages'],
  key: string,
  write: readonly LinesToWrite[],
): Promise<void> {
  for (let at = 0; at < write.length; at += atOnce) {
    await Promise.all(write.slice(at, at + atOnce).map(({ page, lines }) => pages.write(key, page, { lines })));
  }
}
