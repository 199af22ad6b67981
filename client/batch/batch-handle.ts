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
import { cancelBatch, pauseBatch, resumeBatch, setBatch } from './telling/tell-batch.ts';
import { addOnce, sealOnce } from './telling/tell-ended.ts';

/** One batch, by its key. Every method throws `GenerationError`. */
export interface BatchHandle extends StartedBatch {
  /** Waits for the end; the result has counts and cost, however the items ended. */
  result: (options?: WaitOptions) => Promise<BatchResult>;
  /** The current state; works for ended batches as well, and without a worker as far as the server knows. */
  state: (options?: { signal?: AbortSignal | undefined }) => Promise<KnownBatchState>;
  /** Whether the newest run of the key has closed; needs no worker. */
  isEnded: () => Promise<boolean>;
  /** Every state that differs from the one before; the last is the state at the end. */
  watch: (options?: WatchOptions) => AsyncIterable<KnownBatchState>;
  /** Defaults of the items, as the batch was started. */
  defaults: () => Promise<BatchItemDefaults | undefined>;
  /** The plan of the items, if they are pipelines. */
  plan: () => Promise<object | undefined>;
  /** The budgets that apply to every item, as the batch was started. */
  budgets: () => Promise<string[] | undefined>;
  /**
   * Adds items after the existing ones; repeating a call adds nothing and gets the same reply. `signal` ends only the
   * wait: an add that is under way is completed.
   */
  add: (message: BatchAddMessage, options?: { signal?: AbortSignal | undefined }) => Promise<{ count: number }>;
  /** Adds all items of a source, in its order; those that the batch has already are not sent again. */
  addAll: (source: ItemSource, options?: AddAllOptions) => Promise<AddedItems>;
  /** Ends the input: no more items can be added. */
  seal: (options?: { signal?: AbortSignal | undefined }) => Promise<{ count: number }>;
  /** Starts no further items; those in flight go on. */
  pause: (reason?: string) => Promise<{ phase: BatchPhase }>;
  /** Goes on after a pause, whatever caused it; `reason` is kept in the history only. */
  resume: (reason?: string) => Promise<{ phase: BatchPhase }>;
  /** Changes the number of items that may be in flight, and the spending limit. */
  set: (message: BatchSetMessage) => Promise<{ window: number; maxCostUsd: number | null }>;
  /**
   * Asks everything in flight to cancel, starts nothing more, and reports the outcomes. `StillRunning` if that takes
   * longer than `timeoutMs`, by default 5 minutes; the cancel goes on.
   */
  cancel: (
    message?: BatchCancelMessage,
    options?: Pick<CancelOptions, 'timeoutMs' | 'signal'>,
  ) => Promise<BatchCancelReply>;
  /** One line for each ended item, in the order in which they ended; the same for every reader. */
  results: (options?: ResultsOptions) => AsyncIterable<BatchLine>;
  /** The items in the order in which they were added; with a status, only those that ended with it. */
  items: (options?: { status?: LineStatus | undefined }) => AsyncIterable<BatchItem>;
}

/** How long to wait for the state from a worker, in milliseconds: as long as an update waits for one. */
const answeredWithinMs = 60_000;

/** The client and task queue that batches use. */
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
    // Anything but a list is left for the batch to refuse, as it does for callers of every SDK.
    if (!Array.isArray(items) || items.length > batchLimits.inlineItems) return;
    const issues = await findOrderIssues(items as BatchItem[], await setting());
    if (issues.length === 0) return;
    // Items that the batch has already are not added again, so they may be invalid by now: only the batch can tell
    // whether they are there.
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

/**
 * The request that the batch was started with, without its items. It is read from the newest run, since each run passes
 * it on and the first one is removed earlier.
 */
async function readRequest(client: Client, key: string, runId: string): Promise<BatchRequest> {
  const first = await readFirstEvent(client, key, runId);
  if (first === undefined) throw keyNotFound(key, { noun: 'batch' });
  // The workflow may have been started by any client, with null for missing fields.
  const parsed = parseBatchRequest(first.request);
  return parsed.ok ? parsed.request : first.request;
}
