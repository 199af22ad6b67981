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
 * What a status read says, in our words. `finished` is not success: the result decides. `unrecognized` is a word that
 * no known client handles.
 */
export type RequestStatus = 'in_queue' | 'in_progress' | 'finished' | 'failed' | 'cancelled' | 'unrecognized';

/** Argument of `submitRequest`. */
export interface SubmitOrder {
  model: string;
  input: Record<string, unknown>;
  waiting?: WaitingOptions;
  /** The price where none is published, and a limit where one is. */
  maxPriceUsd?: number;
  /** Nothing is sent whose price is above this, or unknown. */
  maxCostUsd?: number;
  /** Budgets in each of which its price is reserved before it is sent. */
  budgets?: string[];
  /** Earlier submits of this order that may have been accepted: the price of each is reserved, too. */
  sentBefore?: number;
  /** First run of the generation's chain: what a request id that is handed over later is recognised by. */
  firstExecutionRunId: string;
  /** Run id of the unbilled run that this one follows: before sending, the newer runs of the key are looked at. */
  retryOfRunId?: string;
  /** A schedule started it, under a key that may have been ordered before: the other runs of the key are looked at. */
  isScheduled?: true;
  /** Nothing is sent from then on, ISO 8601: the workflow may hear of its deadline later than a worker of the order. */
  deadlineAt?: string;
}

/** Answer of `submitRequest`: RunComfy took the order. */
export interface AcceptedSubmit extends KnownAttributes {
  requestId: string;
  /** When RunComfy's reply came, ISO 8601. */
  submittedAt: string;
  nextReadInMs: number;
  /** This submit sent nothing: the request is that of an earlier one. Missing: that is not proven. */
  isOfEarlierSubmit?: true;
  /** The reading activity itself waits for that long: it is to be asked at once. */
  isNextReadSoon?: boolean;
  /** When the work is likely over, ISO 8601; only where such work is known well. */
  expectedEndAt?: string;
  /** Model and the input fields that size the work: what durations are learned by. */
  workKey?: string;
  warnings?: string[];
  /** What the order was expected to cost, where that is known. */
  priceUsd?: number;
  /** What its budgets have granted to it; missing where that is not known. */
  grants?: BudgetGrant[];
}

/**
 * Details of the heartbeats of a submit. `sending` is acknowledged by the server before the first byte goes out, so a
 * submit that ends without any was never sent.
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

/** What is known of an order whose submit was stopped; empty where nobody could tell. */
export interface RecalledSubmit {
  requestId?: string;
  /** ISO 8601. */
  submittedAt?: string;
  /** The run was reset, and one before it may have submitted. Missing: that is not known. */
  isReset?: boolean;
}

/** Argument of `readStatus`: the request, and what its workflow has seen of it. */
export interface StatusQuestion {
  model: string;
  requestId: string;
  /** Reads that the workflow has counted, so that those of a dropped attempt are made up for. */
  readsSoFar?: number;
  /** ISO 8601. Missing for a request that was taken over. */
  submittedAt?: string;
  /** Since when this generation knows of the request; it may be older. ISO 8601. */
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
  /** One read is enough, whatever it says, and it waits for no other. */
  isLastRead?: boolean;
  /** Asks for `searchAttributes` in the reading. */
  wantsSearchAttributes?: boolean;
}

/** Answer of `readStatus`: where the request stands, and when to read it next. */
export interface StatusReading extends Partial<KnownAttributes> {
  status: RequestStatus;
  /** RunComfy's own word, for a status that is `unrecognized`. */
  statusWord?: string;
  queuePosition?: number;
  /** GETs made for this reading, failed ones included. */
  reads: number;
  /** ISO 8601. */
  readAt: string;
  /** The read before it in the same activity, which saw the status that was known already; ISO 8601. */
  readBeforeAt?: string;
  /** 0: read again at once. */
  nextReadInMs: number;
  /** Of a request that failed: why, where the status says so. */
  reason?: string;
  /** Of a request that was cancelled: what RunComfy says that it cost. */
  costUsd?: number;
  /** The reading activity itself waits for that long, or a result is expected: the next read is to be asked for at once. */
  isNextReadSoon?: boolean;
  /** When the work is likely over, ISO 8601; only where such work is known well. */
  expectedEndAt?: string;
}

/** Argument of `fetchResult`. */
export interface ResultQuestion {
  model: string;
  requestId: string;
  /** Reads that the workflow has counted, so that those of a dropped attempt are made up for. */
  readsSoFar?: number;
  /** ISO 8601: since when the status has said that the work is over. */
  finishedSince: string;
  /** The status said `failed`: an answer of the result endpoint that is no result is then the failure's reason. */
  hasFailed?: boolean;
  /** What the status gave as the reason of the failure. */
  failedBecause?: string;
  /** No later read will be made, so this one waits for no other. */
  isLastRead?: boolean;
  /** URLs of the input, which are never taken for outputs. */
  inputUrls?: string[];
  /** Asks for `isModelKnown` in the reading. */
  wantsModel?: boolean;
  /** Asks for `searchAttributes` in the reading. */
  wantsSearchAttributes?: boolean;
  /** What the work's duration is learned by, and what was seen of it. */
  workKey?: string;
  seen?: Partial<Observation>;
}

interface ResultReadingBase extends Partial<KnownAttributes> {
  reads: number;
  /** ISO 8601. */
  readAt: string;
  createdAt?: string;
  finishedAt?: string;
  costUsd?: number;
  /** RunComfy names the model as the question does. */
  isModelKnown?: boolean;
}

/** Answer of `fetchResult`: the end as RunComfy tells it, or that it is not ready. */
export type ResultReading =
  | (ResultReadingBase & {
      status: 'succeeded';
      output: GenerationOutput;
      outputKeys?: OutputKey[];
      other?: Record<string, unknown>;
      /** What this one leaves behind for learning. */
      work?: FinishedWork;
      /** Work of this kind is known well: how long this one took need not be kept for learning. */
      isKnownWell?: boolean;
    })
  | (ResultReadingBase & { status: 'failed'; reason: string; vendorCode?: number | string })
  | (ResultReadingBase & { status: 'cancelled' })
  | (ResultReadingBase & { status: 'not_ready'; nextReadInMs: number });

/** Argument of `cancelRequest`. */
export interface CancelQuestion {
  model: string;
  requestId: string;
  /** Reads that the workflow has counted, so that those of a dropped attempt are made up for. */
  readsSoFar?: number;
  /** Asks for `searchAttributes` in the answer. */
  wantsSearchAttributes?: boolean;
}

/** Answer of `cancelRequest`: whether RunComfy stopped the work. */
export interface CancelAnswer extends Partial<KnownAttributes> {
  outcome: Extract<CancelOutcome, 'cancelled' | 'not_cancellable'>;
  /** The status as a read beside the cancel saw it. */
  status?: RequestStatus;
  /** What RunComfy says that the request cost, where it says so at once. */
  costUsd?: number;
  reads: number;
  /** ISO 8601. */
  readAt: string;
}

/** Argument of `listSearchAttributes`. */
export interface SearchAttributesQuestion {
  names: string[];
}

/** Answer of `listSearchAttributes`. */
export interface SearchAttributesAnswer {
  /** Those of the names that the server knows. */
  existing: string[];
}

/** First detail of a failure that an activity throws. */
export interface ActivityFailureDetails extends Partial<KnownAttributes> {
  submission?: Submission;
  httpStatus?: number;
  vendorCode?: number | string;
  vendorMessage?: string;
  issues?: InputIssue[];
  requestId?: string;
  /** GETs made before this failure. */
  reads?: number;
  /** ISO 8601; on a submit of unknown outcome. */
  sentAt?: string;
  balanceBefore?: BalanceReading;
  /** On a submit of unknown outcome: RunComfy knows the model. */
  isModelKnown?: boolean;
  /** On a submit that was refused: a run before this one may have had the order accepted. */
  isReset?: boolean;
  /** A submit of unknown outcome that an earlier attempt made: its worker may still hand over the id. */
  mayBeHandedOver?: boolean;
  /** What came back instead of an accepted request, cut; on a submit of unknown outcome. */
  reply?: string;
  /** A request id that stood in that reply although it is no acceptance. */
  repliedRequestId?: string;
  /** The output as RunComfy sent it, cut, where no URL could be taken from it. */
  rawOutput?: string;
  costUsd?: number;
  /** The expected price, and the limit that it met. */
  priceUsd?: number;
  limitUsd?: number;
  /** The budget that has no room for it, and what is left there. */
  budget?: string;
  availableUsd?: number;
  grants?: BudgetGrant[];
}

/**
 * The contract between the workflow and the world: one activity for each RunComfy endpoint, one that asks for a submit
 * that was not reported, two for people's decisions, and one for what operators see.
 */
export interface Activities {
  /** POSTs the paid order at most once per ambiguous outcome. */
  submitRequest: (order: SubmitOrder) => Promise<AcceptedSubmit>;
  /** Asks for an accepted submit that could not be reported; sends nothing. */
  recallSubmit: (question: RecallQuestion) => Promise<RecalledSubmit>;
  readStatus: (question: StatusQuestion) => Promise<StatusReading>;
  fetchResult: (question: ResultQuestion) => Promise<ResultReading>;
  cancelRequest: (question: CancelQuestion) => Promise<CancelAnswer>;
  /** Checks that a request id given by a person exists, is ours and fits the order. */
  checkAdoption: (question: AdoptionQuestion) => Promise<AdoptionAnswer>;
  /** Gathers what helps a person to decide about a submission of unknown outcome. */
  gatherEvidence: (question: EvidenceQuestion) => Promise<SubmissionEvidence>;
  /** Asks Temporal, not RunComfy; run as a local activity. */
  listSearchAttributes: (question: SearchAttributesQuestion) => Promise<SearchAttributesAnswer>;
}
