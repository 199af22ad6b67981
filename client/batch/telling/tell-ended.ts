import type { Client } from '@temporalio/client';
import type { BatchPages } from '../../../domain/batch/batch-page.ts';
import { type BatchAddMessage, type BatchState, isBatchEnd } from '../../../domain/batch/batch.ts';
import { isMissing } from '../../../domain/request-checks.ts';
import { chainDigest } from '../../../plans/batch/item-pages.ts';
import { GenerationError, isGenerationError } from '../../errors.ts';
import { supersededRun } from '../../generation/one-chain.ts';
import { unanswered } from '../batch-errors.ts';
import { readBatchState } from '../read-batch-state.ts';
import { addToBatch, sealBatch } from './tell-batch.ts';

type Count = Promise<{ count: number }>;

/** Adds items. For a sealed batch that has ended meanwhile, replies as the batch would have done before its end. */
export function addOnce(
  client: Client,
  pages: BatchPages,
  key: string,
  message: BatchAddMessage,
  waiting: Parameters<typeof addToBatch>[3] = {},
): Count {
  const add = () => addToBatch(client, key, message, waiting);
  return orOnceSealed(client, key, add, async ({ input }) => {
    const { from } = message;
    if (from === input.count) throw refuse(key, 'sealed');
    const count = await countIfThere(pages, key, input, message);
    if (count !== undefined) return { count: from + count };
    throw refuse(key, `items from ${String(from)} on fit nowhere: the batch has ${String(input.count)}`);
  });
}

/** Seals a batch; one that was sealed and has ended meanwhile gives the same reply. */
export function sealOnce(client: Client, key: string, over?: AbortSignal): Count {
  const seal = () => sealBatch(client, key, over);
  return orOnceSealed(client, key, seal, ({ input: { count } }) => Promise.resolve({ count }));
}

async function orOnceSealed(client: Client, key: string, tell: () => Count, answer: (end: BatchState) => Count): Count {
  try {
    return await tell();
  } catch (error) {
    if (!isGenerationError(error) || error.type !== 'ResolutionRefused') throw error;
    const state = await readBatchState(client, key, { runId: await supersededRun(client, key) });
    if (state.isFromServer) throw unanswered(key, 'items');
    // A batch that was ended from outside while it was open may be started again, and goes on then.
    if (!isBatchEnd(state.phase) || !state.sealed) throw error;
    return await answer(state);
  }
}

/**
 * The number of items in a message if the batch has the same items at the same positions, in whole pages; undefined
 * otherwise.
 */
async function countIfThere(
  pages: BatchPages,
  key: string,
  input: BatchState['input'],
  message: BatchAddMessage,
): Promise<number | undefined> {
  const items = 'items' in message && Array.isArray(message.items) ? message.items : undefined;
  let at = 0;
  let digest = '';
  let before: string | undefined;
  for (const page of input.numbers ?? Array.from({ length: input.pages }, (_, number) => number)) {
    if (at === message.from) before = digest;
    const known = await pages.readItems(key, page);
    if (known === undefined) return undefined;
    digest = chainDigest(digest, known);
    at += known.length;
    if (before === undefined) continue;
    if ('page' in message && !items) {
      const isSame = message.page === page && (isMissing(message.digest) || message.digest === digest);
      return isSame && message.count === known.length ? known.length : undefined;
    }
    if (items && at >= message.from + items.length) {
      const isSame = at === message.from + items.length && digest === chainDigest(before, items);
      return isSame ? items.length : undefined;
    }
  }
  return undefined;
}

function refuse(key: string, message: string): GenerationError {
  return new GenerationError({ type: 'InvalidInput', message: `batch "${key}": ${message}`, key });
}
