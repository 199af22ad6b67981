import type { FailureType, WallType } from './failure-type.ts';
import { fieldsOf } from './fields-of.ts';
import type { OutputKey } from './media.ts';
import type { GenerationTimings } from './timings.ts';
import type { WebhookTarget } from './webhook/webhook-target.ts';

/** What to do if a submit may have been accepted but no request id came back. */
export const unknownSubmissionPolicies = ['hold', 'fail', 'resubmit'] as const;

/** One of `unknownSubmissionPolicies`. */
export type UnknownSubmissionPolicy = (typeof unknownSubmissionPolicies)[number];

/** What a cancel does if RunComfy says that the work can no longer be stopped. */
export const cancelWhileRunningPolicies = ['wait', 'detach'] as const;

/** One of `cancelWhileRunningPolicies`. */
export type CancelWhileRunningPolicy = (typeof cancelWhileRunningPolicies)[number];

/**
 * What to do if an order meets an empty wallet, a refused token or an exhausted budget: fail, or wait until resolved.
 */
export const wallPolicies = ['fail', 'wait'] as const;

/** One of `wallPolicies`. */
export type WallPolicy = (typeof wallPolicies)[number];

/** Presets for the seconds of delay that one status read is worth: 0.02, 0.5 and 5. */
export const waitingPresets = ['interactive', 'balanced', 'frugal'] as const;

/** One of `waitingPresets`. */
export type WaitingPreset = (typeof waitingPresets)[number];

/** How much delay a status read is worth while waiting; determines how often the status is read. */
export interface WaitingOptions {
  preset?: WaitingPreset;
  /** Overrides the preset: seconds of delay that one read is worth. */
  secondsOfDelayPerRead?: number;
}

/** The one argument of workflow `runcomfyGeneration`. */
export interface GenerationRequest<Input extends object = Record<string, unknown>> {
  /** RunComfy model id, e.g. `kling/kling-3.0/standard/image-to-video`. */
  model: string;
  /** The model's own flat JSON object, sent exactly as given. May be left out with `requestId`. */
  input: Input;
  /** Takes over an existing RunComfy request instead of submitting. */
  requestId?: string;
  /** Milliseconds from the start; default 24 h. */
  deadlineMs?: number;
  /** Milliseconds from the submit after which work still in RunComfy's queue is cancelled and ends as timed out. */
  queueDeadlineMs?: number;
  /** Taken as the price if none is published, otherwise an upper limit. */
  maxPriceUsd?: number;
  /** The order is not sent if its price is above this or unknown. */
  maxCostUsd?: number;
  /** Names of at most 4 budgets; the price is reserved in each before anything is sent. */
  budgets?: string[];
  /** Default `hold`. */
  onUnknownSubmission?: UnknownSubmissionPolicy;
  /** Default `wait` for signal and update, `detach` for workflow cancellation. */
  onCancelWhileRunning?: CancelWhileRunningPolicy;
  /** Default `fail`. */
  onWall?: WallPolicy;
  waiting?: WaitingOptions;
  /** Who is notified of the end. */
  webhook?: WebhookTarget;
}

/** The fields of a `GenerationRequest`. */
export const requestFields = fieldsOf<GenerationRequest>()(
  'model',
  'input',
  'requestId',
  'deadlineMs',
  'queueDeadlineMs',
  'maxPriceUsd',
  'maxCostUsd',
  'budgets',
  'onUnknownSubmission',
  'onCancelWhileRunning',
  'onWall',
  'waiting',
  'webhook',
);

/** The fields of a request's `waiting`. */
export const waitingFields = fieldsOf<WaitingOptions>()('preset', 'secondsOfDelayPerRead');

/** Default deadline of a generation: 24 hours. */
export const defaultDeadlineMs = 24 * 60 * 60 * 1000;

/** The phases of a generation, in the order in which they occur. */
export const phases = [
  'submitting',
  'submission_unknown',
  'in_queue',
  'in_progress',
  'fetching_result',
  'succeeded',
  'failed',
  'cancelled',
  'timed_out',
] as const;

/** One of `phases`. */
export type Phase = (typeof phases)[number];

/** What is known of the paid POST; decides whether a retry is allowed. */
export type Submission = 'not_sent' | 'refused' | 'accepted' | 'unknown';

/** What became of a cancel. `not_cancellable`: the work runs on and may be billed. */
export type CancelOutcome = 'cancelled' | 'not_cancellable' | 'not_submitted' | 'too_late' | 'unknown';

/** Reply of update `cancel`. */
export interface CancelReply {
  outcome: CancelOutcome;
  phase: Phase;
}

/** A requested cancel; `outcome` is missing until RunComfy has answered. */
export interface CancelState {
  /** ISO 8601. */
  requestedAt: string;
  reason?: string;
  outcome?: CancelOutcome;
}

/** What an order waits for: a refill of the wallet or of a budget, or a renewed token. */
export interface WallState {
  type: WallType;
  /** The message of the last refusal. */
  message: string;
  /** ISO 8601. */
  since: string;
  /** Number of refusals since then. */
  refusals: number;
  /** When the order is sent again, ISO 8601; signal `nudge` sends it at once. */
  nextTryAt: string;
}

/** A problem in an input: where (JSONPath from the input's root, e.g. `$.multi_prompt[2].duration`) and what. */
export interface InputIssue {
  path: string;
  message: string;
}

/** What may be billed in addition to the request that is followed. */
interface FurtherBills {
  /** Further RunComfy requests found to belong to this order; each may be a second bill. */
  otherRequestIds?: string[];
  /** Cost of those requests as stated by RunComfy, USD, if they had ended by the time they were stopped. */
  otherCostUsd?: number;
  /**
   * Number of possible further bills of unknown cost: for these requests, or for earlier submits of the order that
   * RunComfy may have accepted. Each may be as high as `priceUsd`.
   */
  otherCostsUnknown?: number;
}

/** First entry in the `details` of a generation's failure, also found in `GenerationState.failure`. */
export interface FailureDetails extends FurtherBills {
  model: string;
  key: string;
  phase: Phase;
  submission: Submission;
  requestId?: string;
  /** HTTP status of the RunComfy answer that led to the failure, if there was one. */
  httpStatus?: number;
  /** RunComfy's own `error_code`. */
  vendorCode?: number | string;
  /** RunComfy's own message, or the reason it gave for a failed generation. */
  vendorMessage?: string;
  issues?: InputIssue[];
  cancel?: CancelState;
  /** Set if the order ended while it waited at a wall. */
  wall?: WallState;
  evidence?: SubmissionEvidence;
  /** The output as RunComfy sent it, truncated, if it contains no URL. */
  rawOutput?: string;
  /** The request's cost as stated by RunComfy. */
  costUsd?: number;
  /** Why the generation ended before its deadline. */
  reason?: 'queue_deadline';
  /** The expected price, if known. */
  priceUsd?: number;
  /** The limit that the price exceeds, if the order was refused for it. */
  limitUsd?: number;
  /** The budget without room for the order. */
  budget?: string;
  /** What is left in that budget. */
  availableUsd?: number;
}

/** A caveat that accompanies evidence about an unknown submission. */
export const evidenceNote =
  'A hint, not a proof: other traffic of the same wallet moves the balance too, and RunComfy may charge later than it accepts.';

/** Why a generation ended without its output. */
export interface FailureState {
  type: FailureType;
  message: string;
  details: FailureDetails;
}

/** An account balance in micro-dollars and when it was read (ISO 8601). */
export interface BalanceReading {
  microdollars: number;
  readAt: string;
}

/** Evidence that helps a person decide whether a submit of unknown outcome was accepted: a hint, never a proof. */
export interface SubmissionEvidence {
  /** When the POST may have been sent, ISO 8601. */
  sentAt?: string;
  /** Read at most 60 s before `sentAt`. */
  balanceBefore?: BalanceReading;
  /** Read about a minute after the submission became unknown. */
  balanceAfter?: BalanceReading;
  /** Why the outcome is unknown, in one sentence. */
  reason?: string;
  /** What RunComfy replied instead of accepting the request, truncated and without the token. */
  reply?: string;
  /** A request id found in that reply; it can be adopted. */
  repliedRequestId?: string;
  /** Price in USD for this input by the catalogue's figures, if they give one. */
  expectedPriceUsd?: number;
  /** A caveat on how far this may be trusted, in one sentence. */
  note: string;
}

/** Answer of query `state`. Times are ISO 8601; `reads` and `queuePosition` are as of `readAt`. */
export interface GenerationState extends FurtherBills {
  phase: Phase;
  model: string;
  submission: Submission;
  requestId?: string;
  queuePosition?: number;
  /** Status and result GETs so far. */
  reads: number;
  /** While reads come close together, at most two minutes ago (20 s for a queue that moves). */
  readAt?: string;
  submittedAt?: string;
  /** First read at which the work was seen running. */
  startedAt?: string;
  nextReadAt?: string;
  /** Expected end of the work. Set only if enough is known of such work. */
  expectedEndAt?: string;
  deadlineAt: string;
  /** The request's cost as stated by RunComfy, however it ended. */
  costUsd?: number;
  /** The expected price, if known. */
  priceUsd?: number;
  /** With `onWall: 'wait'`, in phase `submitting`: what the order waits for. */
  wall?: WallState;
  cancel?: CancelState;
  failure?: FailureState;
  evidence?: SubmissionEvidence;
  /** Non-fatal hints: unknown input keys, a status word that RunComfy does not document. */
  warnings?: string[];
}

/** URLs by kind, de-duplicated, in RunComfy's order. */
export interface GenerationOutput {
  images: string[];
  videos: string[];
  audios: string[];
}

/** Return value of workflow `runcomfyGeneration`. */
export interface GenerationResult extends FurtherBills {
  requestId: string;
  model: string;
  output: GenerationOutput;
  /** RunComfy's names for these files, unless they are the usual ones: singular for one file, plural for several. */
  outputKeys?: OutputKey[];
  /** The rest of RunComfy's output as it came, e.g. a seed, and file names that are not URLs; at most 16 KiB. */
  other?: Record<string, unknown>;
  /** RunComfy's own times, unparsed. */
  createdAt?: string;
  finishedAt?: string;
  costUsd?: number;
  /** The expected price, if it was known at submit time. */
  priceUsd?: number;
  /** The budgets that this generation counts towards. */
  budgets?: string[];
  timings: GenerationTimings;
  /** Exact number of status and result GETs. */
  reads: number;
}

/** Argument of update `resolveSubmission`. */
export type SubmissionResolution =
  { action: 'adopt'; requestId: string } | { action: 'resubmit' } | { action: 'abandon' };

/** Argument of signal `requestAccepted`: a worker hands over an id that its activity could not report. */
export interface AcceptedRequest {
  firstExecutionRunId: string;
  requestId: string;
}
