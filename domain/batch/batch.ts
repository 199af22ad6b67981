import type { FailureType } from '../failure-type.ts';
import type {
  CancelOutcome,
  CancelWhileRunningPolicy,
  GenerationOutput,
  InputIssue,
  Submission,
  SubmissionEvidence,
  UnknownSubmissionPolicy,
  WaitingOptions,
} from '../generation.ts';
import type { GenerationTimings } from '../timings.ts';

/** Limits of a batch and its parts. */
export const batchLimits = {
  items: 100_000,
  itemBytes: 256 * 1024,
  /** Items in one message. */
  inlineItems: 1_000,
  inlineBytes: 1024 * 1024,
  /** Pages of items; each `add` begins a new page. */
  pages: 10_000,
  pageItems: 250,
  pageBytes: 128 * 1024,
  pageLines: 100,
  lineBytes: 16 * 1024,
  idLength: 200,
  window: 500,
  /** UTF-8 bytes of all defaults together. */
  defaultsBytes: 256 * 1024,
} as const;

/** Defaults for what a request does not specify. */
export const batchDefaults = {
  window: 20,
  pauseAfterFailures: 25,
  openForMs: 24 * 60 * 60 * 1000,
  priority: 4,
} as const;

/** One order of a batch. */
export interface BatchItem {
  /** Its name in the batch; its key is `<batch key>/<id>`. */
  id: string;
  /** Default: the model of `defaults`. */
  model?: string;
  /** Merged over `defaults.input`, top-level field by field. */
  input?: Record<string, unknown>;
  /** In a batch of pipelines: params of the plan, instead of model and input. */
  params?: Record<string, unknown>;
  deadlineMs?: number;
  /** In a batch of pipelines: limits the cost of the item's pipeline. */
  maxPriceUsd?: number;
}

/** Defaults for what an item does not specify. */
export interface BatchItemDefaults {
  model?: string;
  input?: Record<string, unknown>;
  deadlineMs?: number;
  queueDeadlineMs?: number;
  /** Default `fail`, since a held item would keep its place in the window. */
  onUnknownSubmission?: UnknownSubmissionPolicy;
  onCancelWhileRunning?: CancelWhileRunningPolicy;
  waiting?: WaitingOptions;
  maxPriceUsd?: number;
}

/** The one argument of workflow `runcomfyBatch`. */
export interface BatchRequest {
  /** At most 1,000 items and 1 MiB together; further items are added with update `add`. */
  items?: BatchItem[];
  /** Whether more items will be added. Default: false with `items`, true without. */
  keepOpen?: boolean;
  /** The items are pipelines of this plan (see `docs/plans.md`); each carries its `params`. */
  plan?: object;
  defaults?: BatchItemDefaults;
  /** How many items may be in flight, 1 to 500; default 20. */
  window?: number;
  /** No item is started that could take the total cost above this. */
  maxCostUsd?: number;
  /** Names of budgets; the price of every item is reserved in each before it is sent. */
  budgets?: string[];
  /** Failures in a row that pause the batch; default 25, 0: never. */
  pauseAfterFailures?: number;
  /** An open batch seals itself once it has been idle for this long, in milliseconds; default 24 h. */
  openForMs?: number;
}

/** Where a batch stands; the last four are ends. */
export const batchPhases = ['running', 'paused', 'cancelling', 'succeeded', 'partial', 'failed', 'cancelled'] as const;

/** One of `batchPhases`. */
export type BatchPhase = (typeof batchPhases)[number];

/** Whether nothing more happens in a batch. */
export function isBatchEnd(phase: BatchPhase): phase is BatchEndPhase {
  return phase !== 'running' && phase !== 'paused' && phase !== 'cancelling';
}

/** How a batch ends. */
export type BatchEndPhase = Extract<BatchPhase, 'succeeded' | 'partial' | 'failed' | 'cancelled'>;

/** Why a batch is paused. */
export type PauseReason = 'user' | 'failures' | 'budget' | 'max_cost' | 'balance' | 'unauthenticated' | 'restarted';

/** A pause: items in flight run to their end, nothing new is started. */
export interface BatchPause {
  reason: PauseReason;
  /** The message of a person or of RunComfy. */
  message?: string;
  /** ISO 8601. */
  since: string;
}

/** What became of an item. */
export const lineStatuses = [
  'succeeded',
  'failed',
  'cancelled',
  'timed_out',
  'submission_unknown',
  'not_started',
] as const;

/** One of `lineStatuses`. */
export type LineStatus = (typeof lineStatuses)[number];

/** The result of one item, whatever became of it. */
export interface BatchLine {
  id: string;
  key: string;
  status: LineStatus;
  output?: GenerationOutput;
  /** In a batch of pipelines: the outputs of the plan. */
  outputs?: Record<string, unknown>;
  requestId?: string;
  costUsd?: number;
  priceUsd?: number;
  timings?: GenerationTimings;
  /** An order under this key already existed and was made by somebody else. */
  attached?: true;
  /** Why the item failed; for a pipeline that succeeded in part, what of it failed. */
  error?: BatchLineError;
  /** The line was too large and was shortened; the rest can be found under its key. */
  truncated?: true;
}

/** Why an item has no output. */
export interface BatchLineError {
  type: FailureType;
  message: string;
  submission?: Submission;
  issues?: InputIssue[];
  cancel?: CancelOutcome;
  evidence?: SubmissionEvidence;
}

/** Number of items by state. `total` is always the sum of the others. */
export interface BatchCounts {
  total: number;
  waiting: number;
  inFlight: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  timedOut: number;
  unknown: number;
  notStarted: number;
}

/** What a batch has cost, and may still cost. */
export interface BatchMoney {
  spentUsd: number;
  /**
   * Presumed costs of items whose cost nobody stated; count against the limit together with `spentUsd`. Absent: none.
   */
  presumedUsd?: number;
  /** Sum of the expected prices of items in flight. */
  reservedUsd: number;
  maxCostUsd?: number;
  /** Number of orders whose price was unknown. */
  unpriced: number;
}

/** Failures of one type. */
export interface BatchFailureGroup {
  type: string;
  count: number;
  lastMessage: string;
  /** At most five ids, the latest last. */
  lastIds: string[];
}

/** Answer of query `state` of a batch. */
export interface BatchState {
  phase: BatchPhase;
  sealed: boolean;
  window: number;
  paused: BatchPause | null;
  counts: BatchCounts;
  money: BatchMoney;
  failures: BatchFailureGroup[];
  /** Measured over the last minutes; absent until an item has ended. */
  rate?: { perMinute: number; etaAt?: string };
  /** ISO 8601. */
  startedAt: string;
  endedAt?: string;
  /** Number of pages of 100 result lines written so far. */
  resultPages: number;
  /** `numbers`: the page numbers, if they are not consecutive from 0. */
  input: { count: number; digest: string; pages: number; numbers?: number[] };
  /** `outcome` is set once everything in flight was asked to cancel. */
  cancel?: { requestedAt: string; reason?: string; detach?: boolean; outcome?: BatchCancelReply['outcome'] };
  failure?: { type: FailureType; message: string };
}

/** Return value of workflow `runcomfyBatch`. */
export interface BatchResult {
  key: string;
  phase: BatchEndPhase;
  counts: BatchCounts;
  money: BatchMoney;
  failures: BatchFailureGroup[];
  /** ISO 8601. */
  startedAt: string;
  endedAt: string;
  resultPages: number;
}

/** Payload of update `add`: the items themselves, or a page of items written before. */
export type BatchAddMessage =
  { from: number; items: BatchItem[] } | { from: number; count: number; page: number; digest: string };

/** Payload of signals and updates `pause` and `resume`; the reason of `resume` is kept only in the history. */
export interface BatchPauseMessage {
  reason?: string;
}

/** Payload of update `set`. `noMaxCost: true` removes the limit; so does `maxCostUsd: null` where no other field is sent. */
export interface BatchSetMessage {
  window?: number;
  maxCostUsd?: number | null;
  noMaxCost?: boolean;
}

/** Payload of signal and update `cancel`. `detach`: do not wait for work that cannot be stopped. */
export interface BatchCancelMessage {
  reason?: string;
  detach?: boolean;
}

/** Reply of `cancel`: how many items ended in which way. */
export interface BatchCancelReply {
  outcome: {
    cancelled: number;
    notCancellable: number;
    tooLate: number;
    unknown: number;
    notSubmitted: number;
    neverStarted: number;
  };
  phase: BatchPhase;
}

/** Outcome of a cancel that found nothing to cancel. */
export const nothingCancelled: BatchCancelReply['outcome'] = {
  cancelled: 0,
  notCancellable: 0,
  tooLate: 0,
  unknown: 0,
  notSubmitted: 0,
  neverStarted: 0,
};

/** Answer of query `results`: the lines of a page that is not written yet. */
export interface BatchTail {
  lines: BatchLine[];
  page: number;
  /** No further lines will come after these. */
  last: boolean;
}

/** The short form of the state in the memo, so that lists and `status` work without a worker. */
export interface BatchMemo {
  phase: BatchPhase;
  counts: BatchCounts;
  costUsd: number;
  presumedUsd?: number;
  resultPages: number;
  /** As in the state, without the reason. */
  cancel?: Omit<NonNullable<BatchState['cancel']>, 'reason'>;
}
