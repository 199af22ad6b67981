import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { batchLimits, type BatchLine, type BatchTail, isBatchEnd, type LineStatus } from '../../domain/batch/batch.ts';
import { batchResultsQuery } from '../../workflows/batch/messages.ts';
import { GenerationError } from '../errors.ts';
import { askWorker } from '../generation/ask-worker.ts';
import { checkArgument } from '../generation/check-arguments.ts';
import type { BatchPages } from './pages.ts';
import { readBatchState } from './read-batch-state.ts';

/** Which result lines are read. */
export interface ResultsOptions {
  /** Waits for the lines that are still to come, until the batch has ended. */
  follow?: boolean | undefined;
  /** Only these. */
  status?: LineStatus | undefined;
  /** How many lines are left out, whatever their status; default 0. */
  from?: number | undefined;
  /** Ends the reading: the iterator then throws the signal's reason. */
  signal?: AbortSignal | undefined;
}

const pagesAtOnce = 8;
const pauseMs = 2_000;
const queryTimeoutMs = 12_000;

/** The result lines of a batch in the order of ending, each once; the same for every reader. */
export async function* readResults(
  client: Client,
  pages: BatchPages,
  key: string,
  { follow = false, status, from = 0, signal }: ResultsOptions = {},
): AsyncGenerator<BatchLine, void, undefined> {
  checkArgument('options.from', Number.isSafeInteger(from) && from >= 0, 'a whole number of lines', key);
  let told = from;
  const isWanted = (line: BatchLine) => status === undefined || line.status === status;
  for (;;) {
    const { phase, resultPages, isFromServer } = await readBatchState(client, key, signal && { signal });
    for await (const lines of readPages(pages, key, Math.floor(told / batchLimits.pageLines), resultPages)) {
      const fresh = lines.slice(told % batchLimits.pageLines);
      told += fresh.length;
      yield* fresh.filter(isWanted);
    }
    const isOver = isBatchEnd(phase);
    if (!isFromServer && told >= resultPages * batchLimits.pageLines) {
      const { lines } = await readTail(client, key, Math.floor(told / batchLimits.pageLines), signal);
      const fresh = lines.slice(told % batchLimits.pageLines);
      told += fresh.length;
      yield* fresh.filter(isWanted);
    }
    if (isOver || !follow) return;
    await sleep(pauseMs, undefined, signal && { signal }).catch(() => undefined);
    signal?.throwIfAborted();
  }
}

async function* readPages(
  pages: BatchPages,
  key: string,
  from: number,
  end: number,
): AsyncGenerator<BatchLine[], void, undefined> {
  for (let page = from; page < end; page += pagesAtOnce) {
    const numbers = Array.from({ length: Math.min(pagesAtOnce, end - page) }, (_, at) => page + at);
    for (const [at, lines] of (await Promise.all(numbers.map((number) => pages.readLines(key, number)))).entries()) {
      if (lines) yield lines;
      else throw missingPage(key, page + at);
    }
  }
}

/** Lines that no page holds yet. */
async function readTail(
  client: Client,
  key: string,
  page: number,
  signal: AbortSignal | undefined,
): Promise<Pick<BatchTail, 'lines'>> {
  const query = () => client.workflow.getHandle(key).query(batchResultsQuery, { page });
  const reply = await askWorker(client, key, query, { timeoutMs: queryTimeoutMs, signal });
  signal?.throwIfAborted();
  if (reply === 'unattended') return { lines: [] };
  if ('answer' in reply) return reply.answer;
  throw reply.error;
}

function missingPage(key: string, page: number): GenerationError {
  const message = `page ${String(page)} of the results of batch "${key}" is kept no longer: Temporal's retention has passed`;
  return new GenerationError({ type: 'KeyNotFound', message, key });
}
