import type { BatchPage } from '../../domain/batch/batch-page.ts';
import type { BatchLine } from '../../domain/batch/batch.ts';
import { isJsonObject } from '../../domain/json.ts';

/**
 * A page that a batch stores in Temporal. It closes at once, so that it costs no memory. Items are read back from the
 * argument; result lines are returned.
 */
export function runcomfyBatchPage(page?: BatchPage): Promise<{ lines?: BatchLine[] }> {
  const isOfLines = isJsonObject(page) && 'lines' in page && Array.isArray(page.lines);
  return Promise.resolve(isOfLines ? { lines: page.lines } : {});
}
