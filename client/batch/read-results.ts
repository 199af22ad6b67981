import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { BatchPages } from '../../domain/batch/batch-page.ts';
import { batchLimits, type BatchLine, isBatchEnd, type LineStatus } from '../../domain/batch/batch.ts';
import { batchResultsQuery } from '../../workflows/batch/messages.ts';
import { defaultPatienceMs } from '../await-end.ts';
import { isGenerationError } from '../errors.ts';
import { queryWorker } from '../generation/ask-worker.ts';
import { checkArgument } from '../generation/check-arguments.ts';
import { describeRun } from '../generation/run-info.ts';
import { isBusy, mayPass } from '../grpc.ts';
import { keptNoLonger, unanswered } from './batch-errors.ts';
import { readBatchMemo, readBatchState } from './read-batch-state.ts';

/** Which result lines are read. */
export interface ResultsOptions {
  /** Waits for further lines until the batch has ended. */
  follow?: boolean | undefined;
  /** Only lines with this status. */
  status?: LineStatus | undefined;
  /** Number of lines to skip, counted over all statuses; default 0. */
  from?: number | undefined;
  /** Stops the reading: the iterator then throws the signal's reason. */
  signal?: AbortSignal | undefined;
  /** With `follow`, how long to wait for a Temporal or a worker that is away; default 5 minutes. */
  patienceMs?: number | undefined;
}

const pagesAtOnce = 8;
const pauseMs = 2_000;

/** The result lines of a batch, in the order in which the items ended, each once; the same for every reader. */
export async function* readResults(
  client: Client,
  pages: BatchPages,
  key: string,
  { follow = false, status, from = 0, signal, patienceMs = defaultPatienceMs }: ResultsOptions = {},
): AsyncGenerator<BatchLine, void, undefined> {
  checkArgument('options.from', Number.isSafeInteger(from) && from >= 0, 'a whole number of lines', key);
  let told = from;
  const isWanted = (line: BatchLine) => status === undefined || line.status === status;
  /** The lines available now, from the first unread one; returns whether the batch has ended. */
  async function* readOn(): AsyncGenerator<BatchLine, boolean, undefined> {
    const { pageLines } = batchLimits;
    const { phase, resultPages, isFromServer } = await readBatchState(client, key, signal && { signal });
    for await (const lines of readPages(pages, key, Math.floor(told / pageLines), resultPages)) {
      const fresh = lines.slice(told % pageLines);
      told += fresh.length;
      yield* fresh.filter(isWanted);
    }
    if (isFromServer) {
      // A batch that ends by itself writes its last lines before it reports the end.
      const { phase: said } = await readBatchMemo(client, await describeRun(client, key));
      if (said !== undefined && isBatchEnd(said)) return true;
      throw unanswered(key, 'result lines');
    }
    // More lines than fit one answer may wait in the workflow when it writes no pages: during a pause, or after an end
    // that Temporal made.
    for (let isFull = told >= resultPages * pageLines; isFull;) {
      const lines = await readTail(client, key, Math.floor(told / pageLines), signal);
      const fresh = lines.slice(told % pageLines);
      told += fresh.length;
      yield* fresh.filter(isWanted);
      isFull = lines.length === pageLines;
    }
    return isBatchEnd(phase);
  }
  let isAwaySince: number | undefined;
  for (;;) {
    try {
      if ((yield* readOn()) || !follow) return;
      isAwaySince = undefined;
    } catch (error) {
      signal?.throwIfAborted();
      if (!follow || !mayReturn(error)) throw error;
      isAwaySince ??= performance.now();
      if (performance.now() - isAwaySince > patienceMs) throw error;
    }
    await sleep(pauseMs, undefined, signal && { signal }).catch(() => undefined);
    signal?.throwIfAborted();
  }
}

/** Whether reading may work again soon: a server or a worker that is being replaced. */
function mayReturn(error: unknown): boolean {
  const isWithoutWorker = isGenerationError(error) && error.type === 'NoWorker';
  return isWithoutWorker || mayPass(error) || isBusy(error);
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
      else throw keptNoLonger(key, 'results', page + at);
    }
  }
}

/** Lines that are not in any page yet. */
async function readTail(
  client: Client,
  key: string,
  page: number,
  signal: AbortSignal | undefined,
): Promise<BatchLine[]> {
  const query = () => client.workflow.getHandle(key).query(batchResultsQuery, { page });
  const answer = await queryWorker(client, key, query, { signal });
  if (answer === undefined) throw unanswered(key, 'result lines');
  return answer.lines;
}
