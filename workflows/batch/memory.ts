import { CancellationScope, patched, workflowInfo } from '@temporalio/workflow';
import type { BatchIdentity, OpenItem, PaidItems } from '../../domain/batch/batch-activities.ts';
import { itemsIn, type PageOfItems } from '../../domain/batch/batch-page.ts';
import { parseBatchRequest } from '../../domain/batch/batch-request.ts';
import {
  type BatchCancelReply,
  type BatchCounts,
  batchDefaults,
  type BatchFailureGroup,
  type BatchItem,
  batchLimits,
  type BatchLine,
  type BatchPause,
  type BatchPhase,
  type BatchRequest,
} from '../../domain/batch/batch.ts';
import { toMicro } from '../../domain/budget/money.ts';
import type { InputIssue } from '../../domain/generation.ts';
import { maxBatchKeyLength, retryOfRunMemoKey, tooLong } from '../../domain/names.ts';
import { type HandedOn, handedOn, type SampleOf, selfStartedBy } from '../run-start.ts';

/**
 * Number of items that a run which knows nothing of the previous one looks for: as many as it could follow and hand on
 * at once.
 */
const mostForgotten = 20_000;
/** The same in earlier versions: all that a request can hold. */
const mostForgottenBefore = batchLimits.inlineItems;
/** Number of items in each part when a look-up is done in parts. */
const partOfDoubt = 1_000;

/** Numbers of items by how they have ended. */
export type EndedCounts = Omit<BatchCounts, 'total' | 'waiting' | 'inFlight'>;

/** A requested cancel; `outcome` is missing until everything in flight has been asked. */
export interface BatchCancel {
  /** ISO 8601. */
  requestedAt: string;
  reason?: string;
  detach?: boolean;
  outcome?: BatchCancelReply['outcome'];
}

/** Everything that a batch knows, and hands on when it is continued. Only optional fields may be added. */
export interface BatchData extends HandedOn {
  /** ISO 8601. */
  startedAt: string;
  /** Items of the request that are in no page yet. */
  inline: BatchItem[];
  pages: PageOfItems[];
  sealed: boolean;
  /** When items were last added, or an open batch last ran out of work, epoch ms. */
  addedAt: number;
  /** Index of the first item that was never started. */
  cursor: number;
  /** Only during a cancel: items from this index on have their lines already. */
  closedFrom?: number;
  /** A lost window may have started items up to this index. */
  reach: number;
  /** Those items have not been looked for since. */
  isInDoubt?: true;
  /**
   * Only in a run that knows nothing of the previous one: it looks for those items in parts, and has done so up to this
   * index.
   */
  lookedTo?: number;
  /**
   * Temporal started this run by itself while the previous one was open; items may be missing until someone resumes.
   */
  mayLackItems?: true;
  open: OpenItem[];
  givenBack: number[];
  /** What items that are, or were, given back have cost so far; included in `spent`. */
  paid?: PaidItems;
  /** The presumed part of it; included in `presumed` instead. */
  presumedPaid?: PaidItems;
  ended: EndedCounts;
  /** Lines that are in no page yet, and the number of the page that they begin. */
  lines: BatchLine[];
  linePage: number;
  window: number;
  /** In micro-dollars. */
  maxCost?: number;
  spent: number;
  presumed: number;
  unpriced: number;
  paused?: BatchPause;
  cancel?: BatchCancel;
  failures: BatchFailureGroup[];
  failuresInARow: number;
  /** Number of items that ended in the last windows; `at` in epoch ms. */
  recent: { at: number; ended: number }[];
}

/** The memory of one batch. */
export interface Batch extends BatchIdentity {
  readonly request: BatchRequest;
  readonly issues: InputIssue[];
  readonly data: BatchData;
  /** Makes the window return early. */
  interrupt: (() => void) | undefined;
  /** Windows begun since the run began, or since the last message to it. */
  windowsSinceNews: number;
  /** Windows in a row that were given up. */
  windowsGivenUp: number;
  /** The current window may run out of items early. */
  isStarving: boolean;
  /** The batch was resumed while the current window was out: what that window reports happened before. */
  isResumed: boolean;
  /** Doubtful items are looked for again from this time on, epoch ms. */
  lookAgainAt: number;
  /** The storing of items, one message after the other. */
  storing: Promise<unknown>;
  stores: number;
  isWorkflowCancelled: boolean;
  /** The workflow's own scope: it knows of a cancellation before its listeners hear of it. */
  readonly scope: CancellationScope;
  hasEnded: boolean;
  /** ISO 8601. */
  endedAt: string | undefined;
  failure: { type: 'InvalidInput'; message: string } | undefined;
  searchAttributes: string[];
  /** When the server was last asked for them, epoch ms. */
  attributesAskedAt: number;
  /** When the memo was written last, epoch ms. */
  shownAt: number;
  /** The phase that lists show. */
  shownPhase: BatchPhase;
  /** Windows have reported more since the memo was written. */
  isStale: boolean;
}

const sampleOfData: SampleOf<BatchData> = {
  startedAt: '',
  inline: [],
  pages: [],
  open: [],
  givenBack: [],
  lines: [],
  failures: [],
  recent: [],
  addedAt: 0,
  cursor: 0,
  reach: 0,
  linePage: 0,
  window: 0,
  spent: 0,
  presumed: 0,
  unpriced: 0,
  failuresInARow: 0,
  ended: { succeeded: 0, failed: 0, cancelled: 0, timedOut: 0, unknown: 0, notStarted: 0 },
};

/** Opens the memory from the workflow's argument, which anyone may have sent, and from what an earlier run carried. */
export function openBatch(argument: unknown, given: unknown): Batch {
  const { workflowId, firstExecutionRunId } = workflowInfo();
  const parsed = parseBatchRequest(argument);
  const request: BatchRequest = parsed.ok ? parsed.request : {};
  return {
    key: workflowId,
    firstRunId: firstExecutionRunId,
    request,
    issues: [...(parsed.ok ? [] : parsed.issues), ...issuesOfKey(workflowId)],
    data: openData(request, handedOn(given, sampleOfData)),
    interrupt: undefined,
    windowsSinceNews: 0,
    windowsGivenUp: 0,
    isStarving: false,
    isResumed: false,
    lookAgainAt: 0,
    storing: Promise.resolve(),
    stores: 0,
    isWorkflowCancelled: false,
    scope: CancellationScope.current(),
    hasEnded: false,
    endedAt: undefined,
    failure: undefined,
    searchAttributes: [],
    attributesAskedAt: 0,
    shownAt: Date.now(),
    shownPhase: 'running',
    isStale: false,
  };
}

function openData(request: BatchRequest, carried: BatchData | undefined): BatchData {
  const data = carried ?? firstData(request);
  const starter = selfStartedBy(carried);
  if (starter !== undefined) return patched('restarted-batches-wait') ? afterRestart(data, starter) : data;
  const isRunAgain = carried === undefined && workflowInfo().memo?.[retryOfRunMemoKey] !== undefined;
  if (!isRunAgain || !patched('batches-run-again-look-for-orders')) return data;
  // Until it reaches the items that the previous run had ordered, a pause or a cancel looks for them.
  return { ...data, lookedTo: 0, reach: mostForgotten, isInDoubt: true };
}

/**
 * The data of a run that Temporal started by itself. It does not know the messages to the previous run, perhaps a
 * cancel, nor what that run ordered. A person decides whether it goes on; meanwhile it looks for what was ordered.
 */
function afterRestart(data: BatchData, starter: string): BatchData {
  const message = `Temporal started this run by ${starter}: what was said to the batch, added and spent before is forgotten; what was ordered is found again under the items' keys`;
  const paused: BatchPause = { reason: 'restarted', message, since: new Date().toISOString() };
  const isByParts = patched('restarts-look-by-parts');
  const reach = Math.max(data.reach, data.cursor + (isByParts ? mostForgotten : mostForgottenBefore));
  const mayLackItems = !data.sealed && !data.cancel && patched('restarts-stay-open');
  return {
    ...data,
    ...(!data.cancel && { paused }),
    ...(isByParts && { lookedTo: 0 }),
    ...(mayLackItems && { mayLackItems }),
    reach,
    isInDoubt: true,
  };
}

/** Issues of a key that is too long: a batch whose pages cannot be written would never end. */
function issuesOfKey(key: string): InputIssue[] {
  if (key.length <= maxBatchKeyLength || !patched('batch-keys-fit-databases')) return [];
  return [{ path: 'key', message: tooLong(key.length, maxBatchKeyLength) }];
}

function firstData({ items = [], keepOpen, window, maxCostUsd }: BatchRequest): BatchData {
  return {
    startedAt: new Date().toISOString(),
    inline: items,
    pages: [],
    sealed: !(keepOpen ?? items.length === 0),
    addedAt: Date.now(),
    cursor: 0,
    reach: 0,
    open: [],
    givenBack: [],
    ended: { succeeded: 0, failed: 0, cancelled: 0, timedOut: 0, unknown: 0, notStarted: 0 },
    lines: [],
    linePage: 0,
    window: window ?? batchDefaults.window,
    ...(maxCostUsd !== undefined && { maxCost: toMicro(maxCostUsd) }),
    spent: 0,
    presumed: 0,
    unpriced: 0,
    failures: [],
    failuresInARow: 0,
    recent: [],
  };
}

/** Number of items in the batch. */
export function totalOf({ pages, inline }: BatchData): number {
  return itemsIn(pages) + inline.length;
}

/** Waiting items that a lost window may have started. */
function doubtfulOf(data: BatchData): number[] {
  const { givenBack, cursor, reach } = data;
  const count = Math.max(0, Math.min(reach, totalOf(data)) - cursor);
  return [...givenBack, ...Array.from({ length: count }, (_, at) => cursor + at)];
}

/** The doubtful items to look for next, during a pause. */
export function nextInDoubt(data: BatchData): number[] {
  const doubtful = doubtfulOf(data);
  const { lookedTo } = data;
  if (lookedTo === undefined) return doubtful;
  // Items that were found are followed first: most of them may have ended, and each end is a line.
  if (data.open.length > partOfDoubt) return [];
  const others = doubtful.filter((index) => index >= lookedTo);
  return others.sort((one, other) => one - other).slice(0, partOfDoubt);
}

/** All doubtful items, in the parts in which a cancel asks about them: at least one part, which may be empty. */
export function partsInDoubt(data: BatchData): number[][] {
  const doubtful = doubtfulOf(data);
  if (data.lookedTo === undefined) return [doubtful];
  const count = Math.max(1, Math.ceil(doubtful.length / partOfDoubt));
  return Array.from({ length: count }, (_, at) => doubtful.slice(at * partOfDoubt, (at + 1) * partOfDoubt));
}

/** Number of items that wait to be started. */
export function waitingOf(data: BatchData): number {
  return (data.closedFrom ?? totalOf(data)) - data.cursor + data.givenBack.length;
}
