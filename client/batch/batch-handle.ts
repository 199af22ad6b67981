import type { Client } from '@temporalio/client';
import { parseBatchRequest } from '../../domain/batch/batch-request.ts';
import {
  type BatchAddMessage,
  type BatchCancelMessage,
  type BatchCancelReply,
  type BatchItem,
  type BatchItemDefaults,
  batchLimits,
  type BatchLine,
  type BatchPhase,
  type BatchRequest,
  type BatchResult,
  type BatchSetMessage,
  isBatchEnd,
  type LineStatus,
} from '../../domain/batch/batch.ts';
import { isJsonObject } from '../../domain/json.ts';
import { awaitEnd, type WaitOptions } from '../await-end.ts';
import { keyNotFound } from '../errors.ts';
import type { CancelOptions } from '../generation/deciding/cancel-generation.ts';
import { toChainOf } from '../generation/one-chain.ts';
import { readFirstEvent } from '../generation/original-request.ts';
import { describeRun, isClosed } from '../generation/run-info.ts';
import { watchChanges, type WatchOptions } from '../watch-changes.ts';
import { addAllItems, type AddAllOptions, type AddedItems, type ItemSource } from './add-all.ts';
import { eachNamedBatch, namedBatch, refuseBatch, toBatchError } from './batch-errors.ts';
import { findOrderIssues } from './check-items.ts';
import { createBatchPages } from './pages.ts';
import { type KnownBatchState, readAnsweredState, readBatchState } from './read-batch-state.ts';
import { readItems } from './read-items.ts';
import { readResults, type ResultsOptions } from './read-results.ts';
import type { StartedBatch } from './starting/start-batch.ts';
import { cancelBatch, pauseBatch, resumeBatch, setBatch } from './tell-batch.ts';
import { addOnce, sealOnce } from './tell-ended.ts';

/** One batch, by its key. Every method throws `GenerationError`. */
export interface BatchHandle extends StartedBatch {
  /** Waits for the end: counts and money, however the items ended. */
  result: (options?: WaitOptions) => Promise<BatchResult>;
  /** Where it stands; works on ended batches, and without a worker as far as the server knows. */
  state: (options?: { signal?: AbortSignal | undefined }) => Promise<KnownBatchState>;
  /** Whether the newest run of the key has closed; needs no worker. */
  isEnded: () => Promise<boolean>;
  /** Every state that differs from the one before, the last as the batch ended. */
  watch: (options?: WatchOptions) => AsyncIterable<KnownBatchState>;
  /** What holds for every item that does not say otherwise, as the batch was started. */
  defaults: () => Promise<BatchItemDefaults | undefined>;
  /** The plan of its items, where they are pipelines. */
  plan: () => Promise<object | undefined>;
  /** The budgets that every item names, as the batch was started. */
  budgets: () => Promise<string[] | undefined>;
  /**
   * Adds items behind those that there are; the same again is answered as before. `signal` ends the waiting: what is under
   * way is added all the same.
   */
  add: (message: BatchAddMessage, options?: { signal?: AbortSignal | undefined }) => Promise<{ count: number }>;
  /** Adds all of a source, in the order it has; what is there already is not sent again. */
  addAll: (source: ItemSource, options?: AddAllOptions) => Promise<AddedItems>;
  /** No more items will come. */
  seal: (options?: { signal?: AbortSignal | undefined }) => Promise<{ count: number }>;
  /** Starts nothing new; what runs ends. */
  pause: (reason?: string) => Promise<{ phase: BatchPhase }>;
  /** Goes on after a pause, whatever its reason; the one that is given here stays in the history alone. */
  resume: (reason?: string) => Promise<{ phase: BatchPhase }>;
  /** Changes how many may be in flight, and the limit of money. */
  set: (message: BatchSetMessage) => Promise<{ window: number; maxCostUsd: number | null }>;
  /**
   * Asks everything in flight to cancel, starts nothing more, and tells what became of all. `StillRunning` where that takes
   * longer than `timeoutMs`, by default 5 minutes: the wish stays.
   */
  cancel: (
    message?: BatchCancelMessage,
    options?: Pick<CancelOptions, 'timeoutMs' | 'signal'>,
  ) => Promise<BatchCancelReply>;
  /** One line for each item that has ended, in the order of ending; the same for every reader. */
  results: (options?: ResultsOptions) => AsyncIterable<BatchLine>;
  /** The items as they were added; with a status, those that ended so. */
  items: (options?: { status?: LineStatus | undefined }) => AsyncIterable<BatchItem>;
}

/** As long as an update waits for a worker. */
const answeredWithinMs = 60_000;

/** Where a batch runs. */
export interface BatchPlace {
  client: Client;
  taskQueue: string;
  modelApiBase?: string | undefined;
}

/** Binds the verbs of a batch to its key. */
export function createBatchHandle({ client, taskQueue, modelApiBase }: BatchPlace, started: StartedBatch): BatchHandle {
  const { key, runId } = started;
  const tell = <T>(call: () => Promise<T>) => namedBatch(key, () => toChainOf(started, call));
  const pages = createBatchPages(client, taskQueue);
  const result = (options: WaitOptions = {}) =>
    awaitEnd<BatchResult>(client, started, options, (error) => Promise.resolve(toBatchError(error, key)));
  const watched = ({ patienceMs }: WatchOptions) => ({
    readState: (signal: AbortSignal) => readBatchState(client, key, { signal }),
    isEnd: ({ phase }: KnownBatchState) => isBatchEnd(phase),
    awaitEnd: (signal: AbortSignal) => result({ signal, patienceMs }),
  });
  const setting = async () => {
    const { defaults, plan } = await readRequest(client, key, runId);
    return { modelApiBase, defaults, plan };
  };
  const checkAdded = async (message: unknown) => {
    const items = isJsonObject(message) ? message['items'] : undefined;
    // What is no list is the batch's to refuse, as from any service.
    if (!Array.isArray(items) || items.length > batchLimits.inlineItems) return;
    const issues = await findOrderIssues(items as BatchItem[], await setting());
    if (issues.length === 0) return;
    // The batch adds none of those that may be there: it says whether they are, also where they would be refused by now.
    const from = isJsonObject(message) ? message['from'] : undefined;
    const isBehind = async (at: number) => at >= (await readAnsweredState(client, key, answeredWithinMs)).counts.total;
    if (typeof from !== 'number' || (await isBehind(from))) throw refuseBatch(key, issues);
  };
  return {
    ...started,
    result: (options) => namedBatch(key, () => result(options)),
    state: (options) => namedBatch(key, () => readBatchState(client, key, options)),
    isEnded: () => namedBatch(key, async () => isClosed(await describeRun(client, key))),
    watch: (options = {}) => eachNamedBatch(key, () => watchChanges(watched(options), options)),
    defaults: () => namedBatch(key, async () => (await readRequest(client, key, runId)).defaults),
    plan: () => namedBatch(key, async () => (await readRequest(client, key, runId)).plan),
    budgets: () => namedBatch(key, async () => (await readRequest(client, key, runId)).budgets),
    add: (message, options) =>
      tell(async () => {
        await checkAdded(message);
        return await addOnce(client, pages, key, message, { leaving: options?.signal });
      }),
    addAll: (source, options) =>
      tell(async () => addAllItems(client, pages, key, source, { ...(await setting()), ...options })),
    seal: (options) => tell(() => sealOnce(client, key, options?.signal)),
    pause: (reason) => tell(() => pauseBatch(client, key, reason)),
    resume: (reason) => tell(() => resumeBatch(client, key, reason)),
    set: (message) => tell(() => setBatch(client, key, message)),
    cancel: (message, options) => tell(() => cancelBatch(client, key, message, options)),
    results: (options) => eachNamedBatch(key, () => readResults(client, pages, key, options)),
    items: (options) => eachNamedBatch(key, () => readItems(client, pages, key, options)),
  };
}

/** What the batch was started with, but for its items: each run hands it on to the next, which is kept longer. */
async function readRequest(client: Client, key: string, runId: string): Promise<BatchRequest> {
  const first = await readFirstEvent(client, key, runId);
  if (first === undefined) throw keyNotFound(key, { noun: 'batch' });
  // Anyone may have started it, with null for what is absent.
  const parsed = parseBatchRequest(first.request);
  return parsed.ok ? parsed.request : first.request;
}
