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

/** How large a batch and its parts may be. */
export const batchLimits = {
  items: 100_000,
  itemBytes: 256 * 1024,
  inlineItems: 1_000,
  inlineBytes: 1024 * 1024,
  /** Of items: each `add` begins another one. */
  pages: 10_000,
  pageItems: 250,
  pageBytes: 128 * 1024,
  pageLines: 100,
  lineBytes: 16 * 1024,
  idLength: 200,
  window: 500,
  /** Of all defaults together. */
  defaultsBytes: 256 * 1024,
} as const;

/** What holds where a request does not say otherwise. */
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
  /** Default: that of `defaults`. */
  model?: string;
  /** Laid over `defaults.input`, field by field of its top level. */
  input?: Record<string, unknown>;
  /** Of the batch's plan, in a batch of pipelines; without model and input then. */
  params?: Record<string, unknown>;
  deadlineMs?: number;
  /** In a batch of pipelines: what its pipeline may cost. */
  maxPriceUsd?: number;
}

/** What holds for every item that does not say otherwise. */
export interface BatchItemDefaults {
  model?: string;
  input?: Record<string, unknown>;
  deadlineMs?: number;
  queueDeadlineMs?: number;
  /** Default `fail`: an item that is held would keep its place. */
  onUnknownSubmission?: UnknownSubmissionPolicy;
  onCancelWhileRunning?: CancelWhileRunningPolicy;
  waiting?: WaitingOptions;
  maxPriceUsd?: number;
}

/** The one argument of workflow `runcomfyBatch`. */
export interface BatchRequest {
  /** At most 1,000 and 1 MiB together; more are added. */
  items?: BatchItem[];
  /** More will be added; default: false with `items`, true without. */
  keepOpen?: boolean;
  /** Items are pipelines of this plan, as `docs/plans.md` has it; each carries its `params`. */
  plan?: object;
  defaults?: BatchItemDefaults;
  /** How many may be in flight, 1 to 500; default 20. */
  window?: number;
  /** Nothing is started that could take the sum above this. */
  maxCostUsd?: number;
  /** Budgets in each of which the price of every item is reserved before it is sent. */
  budgets?: string[];
  /** Failures in a row that pause the batch; default 25, 0: never. */
  pauseAfterFailures?: number;
  /** An open batch that is idle for so long seals itself; default 24 h. */
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

/** A pause; what runs ends, nothing new is started. */
export interface BatchPause {
  reason: PauseReason;
  /** What was said, by a person or by RunComfy. */
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
  /** Those of the plan, in a batch of pipelines. */
  outputs?: Record<string, unknown>;
  requestId?: string;
  costUsd?: number;
  priceUsd?: number;
  timings?: GenerationTimings;
  /** The order of its key was made before by somebody else. */
  attached?: true;
  /** Of a pipeline that succeeded in part: what of it failed. */
  error?: BatchLineError;
  /** The line was too large: the rest is under its key. */
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

/** How many items stand where: `total` is the sum of the others, at every moment. */
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

/** What a batch has cost, and may yet. */
export interface BatchMoney {
  spentUsd: number;
  /** What items may have cost that did not say: counts against the limit beside `spentUsd`. Absent: nothing. */
  presumedUsd?: number;
  /** Expected prices of what is in flight. */
  reservedUsd: number;
  maxCostUsd?: number;
  /** Orders whose price was not known. */
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
  /** Over the last minutes; absent until something has ended. */
  rate?: { perMinute: number; etaAt?: string };
  /** ISO 8601. */
  startedAt: string;
  endedAt?: string;
  /** Pages of 100 result lines that are written. */
  resultPages: number;
  /** `numbers`: those of the pages of items, where they do not follow one another from 0. */
  input: { count: number; digest: string; pages: number; numbers?: number[] };
  /** `outcome` once everything in flight was asked. */
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

/** Payload of update `add`: the items themselves, or a page of them that was written before. */
export type BatchAddMessage =
  { from: number; items: BatchItem[] } | { from: number; count: number; page: number; digest: string };

/** Payload of signal and update `pause`, and of `resume`, whose reason stays in the history alone. */
export interface BatchPauseMessage {
  reason?: string;
}

/** Payload of update `set`. `maxCostUsd: null` takes the limit away. */
export interface BatchSetMessage {
  window?: number;
  maxCostUsd?: number | null;
}

/** Payload of signal and update `cancel`. `detach`: what cannot be stopped is not waited for. */
export interface BatchCancelMessage {
  reason?: string;
  detach?: boolean;
}

/** What became of the items of a batch that was cancelled. */
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

/** What a cancel tells where there was nothing to cancel. */
export const nothingCancelled: BatchCancelReply['outcome'] = {
  cancelled: 0,
  notCancellable: 0,
  tooLate: 0,
  unknown: 0,
  notSubmitted: 0,
  neverStarted: 0,
};

/** Answer of query `results`: lines of a page that is not written yet. */
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
  /** As the state has it, without what was said. */
  cancel?: Omit<NonNullable<BatchState['cancel']>, 'reason'>;
}
