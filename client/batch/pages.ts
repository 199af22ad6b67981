import { type Client, WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { LRUCache } from 'lru-cache';
import type { BatchPage, BatchPages } from '../../domain/batch/batch-page.ts';
import type { BatchItem, BatchLine } from '../../domain/batch/batch.ts';
import { isJsonObject, isSameJson } from '../../domain/json.ts';
import { batchPageKey, batchPageWorkflowType } from '../../domain/names.ts';
import { toClientError, withClientErrors } from '../convert-errors.ts';
import { readOriginalRequest } from '../generation/original-request.ts';

/** The content of a page, which may have been written by any client. */
type PageContent = Partial<Record<'items' | 'lines', unknown>>;

/**
 * Most pages in the cache; its size limit is that of as many pages of our own, which have at most 128 KiB each. Other
 * clients may have written larger ones.
 */
const cachedPages = 64;
const cachedSize = cachedPages * 128 * 1024;

/** Reads and writes the pages of batches on a task queue. Pages of items never change, so they are cached. */
export function createBatchPages(client: Client, taskQueue: string): BatchPages {
  const cache = new LRUCache<string, PageContent>({
    max: cachedPages,
    maxSize: cachedSize,
    sizeCalculation: sizeOf,
  });
  const readNow = (id: string): Promise<PageContent | undefined> =>
    withClientErrors(id, async () => {
      const content: unknown = (await readOriginalRequest(client, id, ''))?.request;
      return isJsonObject(content) ? content : undefined;
    });
  const read = async (id: string): Promise<PageContent | undefined> => {
    const known = cache.get(id);
    if (known) return known;
    const read = await readNow(id);
    if (read) cache.set(id, read);
    return read;
  };
  return {
    async readItems(key, page) {
      const items = (await read(batchPageKey(key, 'items', page)))?.items;
      return Array.isArray(items) ? (items as BatchItem[]) : undefined;
    },
    async readLines(key, page) {
      const { lines } = (await readNow(batchPageKey(key, 'results', page))) ?? {};
      return Array.isArray(lines) ? (lines as BatchLine[]) : undefined;
    },
    async write(key, page, content) {
      const isOfItems = 'items' in content;
      const workflowId = batchPageKey(key, isOfItems ? 'items' : 'results', page);
      if (await startPage(client, taskQueue, workflowId, content)) return true;
      if (isSameJson(await readNow(workflowId), content)) return true;
      if (isOfItems) return false;
      // The lines of an earlier run of the batch, which was ended from outside, are replaced by those of this run.
      return await startPage(client, taskQueue, workflowId, content, true);
    },
  };
}

/** The size of a page in characters; one nested too deeply to be measured takes the whole cache. */
function sizeOf(content: PageContent): number {
  try {
    return JSON.stringify(content).length;
  } catch {
    return cachedSize;
  }
}

/** Starts the workflow that holds a page; false if the page exists already. */
async function startPage(
  client: Client,
  taskQueue: string,
  workflowId: string,
  content: BatchPage,
  isReplacing = false,
): Promise<boolean> {
  try {
    await client.workflow.start(batchPageWorkflowType, {
      workflowId,
      taskQueue,
      args: [content],
      workflowIdReusePolicy: isReplacing ? 'ALLOW_DUPLICATE' : 'REJECT_DUPLICATE',
      workflowIdConflictPolicy: isReplacing ? 'TERMINATE_EXISTING' : 'FAIL',
    });
    return true;
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
    throw toClientError(error, workflowId);
  }
}
