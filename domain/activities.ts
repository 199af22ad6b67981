import type { BudgetGrant } from './budget/budget.ts';
import type { AdoptionAnswer, AdoptionQuestion, EvidenceQuestion } from './decision-activities.ts';
import type {
  BalanceReading,
  CancelOutcome,
  GenerationOutput,
  InputIssue,
  Submission,
  SubmissionEvidence,
  WaitingOptions,
} from './generation.ts';
import type { OutputKey } from './media.ts';
import type { KnownAttributes } from './names.ts';
import type { Observation } from './timings.ts';
import type { FinishedWork } from './waiting.ts';

/**
 * The status of a request in our terms. `finished` does not mean success: the result decides that. `unrecognized` is a
 * status word that no known client handles.
 */
export type RequestStatus = 'in_queue' | 'in_progress' | 'finished' | 'failed' | 'cancelled' | 'unrecognized';

/** The statuses of work that is not over. */
export type UnfinishedStatus = Extract<RequestStatus, 'in_queue' | 'in_progress'>;

/** Argument of `submitRequest`. */
export interface SubmitOrder {
  model: string;
  input: Record<string, unknown>;
  waiting?: WaitingOptions;
  /** Taken as the price if none is published, otherwise an upper limit. */
  maxPriceUsd?: number;
  /** The order is not sent if its price is above this or unknown. */
  maxCostUsd?: number;
  /** Names of the budgets in which the price is reserved before the order is sent. */
  budgets?: string[];
  /** Number of earlier submits of this order that may have been accepted. The price is reserved once more for each. */
  sentBefore?: number;
  /** First run of the generation's chain, by which a request id that is handed over later is recognised. */
  firstExecutionRunId: string;
  /** Run id of the unbilled run that this one retries. Before sending, the key is checked for newer runs. */
  retryOfRunId?: string;
  /**
   * Set if a schedule started the generation. Its key may have been ordered before, so the key's other runs are
   * checked.
   */
  isScheduled?: true;
  /** Nothing is sent after this time, ISO 8601. A worker may see the order before the workflow notices its deadline. */
  deadlineAt?: string;
}

/** Answer of `submitRequest`: RunComfy took the order. */
export interface AcceptedSubmit extends KnownAttributes {
  requestId: string;
  /** When RunComfy's reply came, ISO 8601. */
  submittedAt: string;
  nextReadInMs: number;
  /** This submit sent nothing, and the request belongs to an earlier one. Missing: not proven. */
  isOfEarlierSubmit?: true;
  /** The wait is short enough for the reading activity itself, so the workflow schedules it at once. */
  isNextReadSoon?: boolean;
  /** Expected end of the work, ISO 8601. Set only if enough is known of such work. */
  expectedEndAt?: string;
  /** Model and those input fields that determine the amount of work; durations are learned per work key. */
  workKey?: string;
  warnings?: string[];
  /** The expected price, if known. */
  priceUsd?: number;
  /** What the budgets granted to the order. Missing if unknown. */
  grants?: BudgetGrant[];
}

/**
 * Heartbeat details of a submit. The server acknowledges `sending` before the first byte goes out, so a submit that
 * ends without that heartbeat was never sent.
 */
export interface SubmitHeartbeat extends Partial<KnownAttributes> {
  stage: 'not_sent' | 'sending' | 'accepted';
  /** ISO 8601. */
  at: string;
  requestId?: string;
  balanceBefore?: BalanceReading;
  grants?: BudgetGrant[];
  priceUsd?: number;
}

/** Argument of `recallSubmit`. */
export interface RecallQuestion {
  firstExecutionRunId: string;
}

/** What is known of an order whose submit was stopped. Empty if nothing could be found out. */
export interface RecalledSubmit {
  requestId?: string;
  /** ISO 8601. */
  submittedAt?: string;
  /** The run was reset, and an earlier run may have submitted. Missing: unknown. */
  isReset?: boolean;
}

/** Argument of `readStatus`: the request, and what its workflow has seen of it. */
export interface StatusQuestion {
  model: string;
  requestId: string;
  /** Reads that the workflow has counted so far, so that the reads of a lost attempt can be added. */
  readsSoFar?: number;
  /** ISO 8601. Missing for a request that was taken over. */
  submittedAt?: string;
  /** Since when this generation has known the request, ISO 8601. The request may be older. */
  followedSince?: string;
  /** Last read that did not see the work running yet. */
  lastQueuedAt?: string;
  startedAt?: string;
  lastStatus?: RequestStatus;
  lastReadAt?: string;
  queuePosition?: number;
  workKey?: string;
  waiting?: WaitingOptions;
  /** When the first read is due, ISO 8601: the activity waits until then. Missing: now. */
  nextReadAt?: string;
  /** Read once, whatever the answer, and do not wait for another read. */
  isLastRead?: boolean;
  /** Asks for `searchAttributes` in the reading. */
  wantsSearchAttributes?: boolean;
}

/** Answer of `readStatus`: where the request stands, and when to read it next. */
export interface StatusReading extends Partial<KnownAttributes> {
  status: RequestStatus;
  /** RunComfy's own word for an `unrecognized` status. */
  statusWord?: string;
  queuePosition?: number;
  /** GETs made for this reading, failed ones included. */
  reads: number;
  /** ISO 8601. */
  readAt: string;
  /** The previous read of the same activity, which saw the status that was already known; ISO 8601. */
  readBeforeAt?: string;
  /** Milliseconds until the next read; 0: at once. */
  nextReadInMs: number;
  /** Why the request failed, if the status says so. */
  reason?: string;
  /** What RunComfy says that a cancelled request cost. */
  costUsd?: number;
  /** The next read is to be scheduled at once: the reading activity itself waits, or a result is expected. */
  isNextReadSoon?: boolean;
  /** Expected end of the work, ISO 8601. Set only if enough is known of such work. */
  expectedEndAt?: string;
}

/** Argument of `fetchResult`. */
export interface ResultQuestion {
  model: string;
  requestId: string;
  /** Reads that the workflow has counted so far, so that the reads of a lost attempt can be added. */
  readsSoFar?: number;
  /** Since when the status has said that the work is over, ISO 8601. */
  finishedSince: string;
  /**
   * The status said `failed`: an answer of the result endpoint that is not a result is then the reason for the failure.
   */
  hasFailed?: boolean;
  /** The reason for the failure, as given by the status. */
  failedBecause?: string;
  /** This is the last read, so it does not wait for another one. */
  isLastRead?: boolean;
  /** The status does not say whether the work is over: an output is one only where RunComfy calls it a success. */
  isEndUntold?: boolean;
  /** URLs of the input, which are never taken for outputs. */
  inputUrls?: string[];
  /** Asks for `isModelKnown` in the reading. */
  wantsModel?: boolean;
  /** Asks for `searchAttributes` in the reading. */
  wantsSearchAttributes?: boolean;
  /** Durations are learned per work key. */
  workKey?: string;
  /** What the reads have observed of the request so far. */
  seen?: Partial<Observation>;
}

interface ResultReadingBase extends Partial<KnownAttributes> {
  reads: number;
  /** ISO 8601. */
  readAt: string;
  createdAt?: string;
  finishedAt?: string;
  costUsd?: number;
  /** The result names the same model as the question. */
  isModelKnown?: boolean;
}

/** Answer of `fetchResult`: the request's end as RunComfy reports it, or that it is not ready. */
export type ResultReading =
  | (ResultReadingBase & {
      status: 'succeeded';
      output: GenerationOutput;
      outputKeys?: OutputKey[];
      other?: Record<string, unknown>;
      /** What can be learned from this generation's duration. */
      work?: FinishedWork;
      /** Enough is known of this kind of work, so `work` need not be stored. */
      isKnownWell?: boolean;
    })
  | (ResultReadingBase & { status: 'failed'; reason: string; vendorCode?: number | string })
  | (ResultReadingBase & { status: 'cancelled' })
  | (ResultReadingBase & {
      status: 'not_ready';
      nextReadInMs: number;
      /**
       * The status of the request if RunComfy says that it still waits or runs: the status read before may have been
       * wrong.
       */
      underWay?: UnfinishedStatus;
    });

/** Argument of `cancelRequest`. */
export interface CancelQuestion {
  model: string;
  requestId: string;
  /** Reads that the workflow has counted so far, so that the reads of a lost attempt can be added. */
  readsSoFar?: number;
  /** Asks for `searchAttributes` in the answer. */
  wantsSearchAttributes?: boolean;
}

/** Answer of `cancelRequest`: whether RunComfy stopped the work. */
export interface CancelAnswer extends Partial<KnownAttributes> {
  outcome: Extract<CancelOutcome, 'cancelled' | 'not_cancellable'>;
  /** The status as seen by a read made along with the cancel. */
  status?: RequestStatus;
  /** What RunComfy says that the request cost, if it says so at once. */
  costUsd?: number;
  reads: number;
  /** ISO 8601. */
  readAt: string;
}

/** The first entry in the `details` of a failure thrown by an activity. */
export interface ActivityFailureDetails extends Partial<KnownAttributes> {
  submission?: Submission;
  httpStatus?: number;
  vendorCode?: number | string;
  vendorMessage?: string;
  issues?: InputIssue[];
  requestId?: string;
  /** GETs made before this failure. */
  reads?: number;
  /** ISO 8601. Set if the outcome of the submit is unknown. */
  sentAt?: string;
  balanceBefore?: BalanceReading;
  /** Set if the outcome of the submit is unknown but RunComfy knows the model. */
  isModelKnown?: boolean;
  /** Set if the submit was refused but an earlier run may have had the order accepted. */
  isReset?: boolean;
  /** Set if an earlier attempt made the submit of unknown outcome: its worker may still hand over the request id. */
  mayBeHandedOver?: boolean;
  /** What RunComfy replied instead of accepting the request, truncated. Set if the outcome of the submit is unknown. */
  reply?: string;
  /** A request id found in that reply, though the reply is no acceptance. */
  repliedRequestId?: string;
  /** The output as RunComfy sent it, truncated, if it contains no URL. */
  rawOutput?: string;
  costUsd?: number;
  /** The expected price of the order. */
  priceUsd?: number;
  /** The limit that the price exceeds. */
  limitUsd?: number;
  /** The budget without room for the order. */
  budget?: string;
  /** What is left in that budget. */
  availableUsd?: number;
  grants?: BudgetGrant[];
}

/** What the workflow asks of its workers. */
export interface Activities {
  /** POSTs the paid order. Never repeats a POST whose outcome is ambiguous. */
  submitRequest: (order: SubmitOrder) => Promise<AcceptedSubmit>;
  /** Looks for an accepted submit that could not be reported; sends nothing. */
  recallSubmit: (question: RecallQuestion) => Promise<RecalledSubmit>;
  readStatus: (question: StatusQuestion) => Promise<StatusReading>;
  fetchResult: (question: ResultQuestion) => Promise<ResultReading>;
  cancelRequest: (question: CancelQuestion) => Promise<CancelAnswer>;
  /** Checks that a request id given by a person exists, is ours and fits the order. */
  checkAdoption: (question: AdoptionQuestion) => Promise<AdoptionAnswer>;
  /** Gathers evidence that helps a person decide about a submission of unknown outcome. */
  gatherEvidence: (question: EvidenceQuestion) => Promise<SubmissionEvidence>;
  /** Asks Temporal, not RunComfy, which of these names exist on the server. */
  listSearchAttributes: (question: { names: string[] }) => Promise<{ existing: string[] }>;
}
