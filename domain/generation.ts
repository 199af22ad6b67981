import type { FailureType, WallType } from './failure-type.ts';
import { fieldsOf } from './fields-of.ts';
import type { OutputKey } from './media.ts';
import type { GenerationTimings } from './timings.ts';
import type { WebhookTarget } from './webhook/webhook-target.ts';

/** What to do when a submit may have been accepted but no request id came back. */
export const unknownSubmissionPolicies = ['hold', 'fail', 'resubmit'] as const;

/** One of `unknownSubmissionPolicies`. */
export type UnknownSubmissionPolicy = (typeof unknownSubmissionPolicies)[number];

/** What a cancel does once RunComfy says that the work can no longer be stopped. */
export const cancelWhileRunningPolicies = ['wait', 'detach'] as const;

/** One of `cancelWhileRunningPolicies`. */
export type CancelWhileRunningPolicy = (typeof cancelWhileRunningPolicies)[number];

/** What to do when an order meets an empty wallet, a refused token or an exhausted budget: end, or wait until that is mended. */
export const wallPolicies = ['fail', 'wait'] as const;

/** One of `wallPolicies`. */
export type WallPolicy = (typeof wallPolicies)[number];

/** How many seconds of delay one status read is worth: 0.02, 0.5 and 5. */
export const waitingPresets = ['interactive', 'balanced', 'frugal'] as const;

/** One of `waitingPresets`. */
export type WaitingPreset = (typeof waitingPresets)[number];

/** What a read is worth while a generation is waited for. */
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
  /** Milliseconds from the submit after which work that still waits in RunComfy's queue is cancelled, and ends as timed out. */
  queueDeadlineMs?: number;
  /** The price where none is published, and a limit where one is. */
  maxPriceUsd?: number;
  /** Nothing is sent whose price is above this, or unknown. */
  maxCostUsd?: number;
  /** Names of at most 4 budgets, in each of which its price is reserved before anything is sent. */
  budgets?: string[];
  /** Default `hold`. */
  onUnknownSubmission?: UnknownSubmissionPolicy;
  /** Default `wait` for signal and update, `detach` for workflow cancellation. */
  onCancelWhileRunning?: CancelWhileRunningPolicy;
  /** Default `fail`. */
  onWall?: WallPolicy;
  waiting?: WaitingOptions;
  /** Where its end is told. */
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

/** How long a generation may take unless it is said: 24 hours. */
export const defaultDeadlineMs = 24 * 60 * 60 * 1000;

/** Where a generation stands, in the order in which things happen. */
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

/** What is known of the paid POST: the ground on which a retry is allowed or refused. */
export type Submission = 'not_sent' | 'refused' | 'accepted' | 'unknown';

/** What became of a cancel. `not_cancellable`: the work runs on and may be billed. */
export type CancelOutcome = 'cancelled' | 'not_cancellable' | 'not_submitted' | 'too_late' | 'unknown';

/** Reply of update `cancel`. */
export interface CancelReply {
  outcome: CancelOutcome;
  phase: Phase;
}

/** A cancel that was asked for; `outcome` is missing while RunComfy's answer is awaited. */
export interface CancelState {
  /** ISO 8601. */
  requestedAt: string;
  reason?: string;
  outcome?: CancelOutcome;
}

/** What an order waits for: an empty wallet or an exhausted budget to be filled, or a refused token to be renewed. */
export interface WallState {
  type: WallType;
  /** The last refusal, in words. */
  message: string;
  /** ISO 8601. */
  since: string;
  /** How often the order was refused since. */
  refusals: number;
  /** When it is sent again, ISO 8601; signal `nudge` has it sent at once. */
  nextTryAt: string;
}

/** One problem of an input: where (JSONPath from the input's root, e.g. `$.multi_prompt[2].duration`) and what. */
export interface InputIssue {
  path: string;
  message: string;
}

/** What may be billed beside the request that is followed. */
interface FurtherBills {
  /** Further RunComfy requests that turned out to belong to this order: each may be a second bill. */
  otherRequestIds?: string[];
  /** What RunComfy says that these cost, where they had ended when they were stopped, USD. */
  otherCostUsd?: number;
  /**
   * Further bills that there may be, of which no cost is known: of these requests, and of earlier submits of the order of
   * which nobody knows whether RunComfy accepted them. Each may be as high as `priceUsd`.
   */
  otherCostsUnknown?: number;
}

/** First detail of every failure of a generation, and `GenerationState.failure` without the fields that stand beside it. */
export interface FailureDetails extends FurtherBills {
  model: string;
  key: string;
  phase: Phase;
  submission: Submission;
  requestId?: string;
  /** HTTP status of RunComfy's answer, where one led to the failure. */
  httpStatus?: number;
  /** RunComfy's own `error_code`. */
  vendorCode?: number | string;
  /** RunComfy's own words, or what it gave as the reason of a failed generation. */
  vendorMessage?: string;
  issues?: InputIssue[];
  cancel?: CancelState;
  /** The order was ended while it waited. */
  wall?: WallState;
  evidence?: SubmissionEvidence;
  /** The output as RunComfy sent it, cut, where no URL could be taken from it. */
  rawOutput?: string;
  /** What RunComfy says that the request cost. */
  costUsd?: number;
  /** What ended it before its deadline. */
  reason?: 'queue_deadline';
  /** The expected price, where there is one; of one that is refused also the limit that it met. */
  priceUsd?: number;
  limitUsd?: number;
  /** The budget that has no room for it, and what is left there. */
  budget?: string;
  availableUsd?: number;
}

/** How far evidence about an unknown submission may be trusted. */
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

/**
 * What may help a person to decide whether a submit of unknown outcome was accepted. A hint, never a proof: other
 * traffic of the same wallet changes the balance too, and RunComfy may charge later than it accepts.
 */
export interface SubmissionEvidence {
  /** When the POST may have been sent, ISO 8601. */
  sentAt?: string;
  /** At most 60 s older than `sentAt`. */
  balanceBefore?: BalanceReading;
  /** About a minute after the submission became unknown. */
  balanceAfter?: BalanceReading;
  /** Why the outcome is unknown, in one sentence. */
  reason?: string;
  /** What came back instead of an accepted request, cut and without the token. */
  reply?: string;
  /** A request id that stood in that reply: it can be adopted. */
  repliedRequestId?: string;
  /** Price in USD that the catalogue's figures give for this input, where they give one. */
  expectedPriceUsd?: number;
  /** How far this may be trusted, in one sentence. */
  note: string;
}

/**
 * Answer of query `state`. Times are ISO 8601; `reads` and `queuePosition` are as of `readAt`, which lies at most two
 * minutes back (20 s for a queue that moves) while reads come close together.
 */
export interface GenerationState extends FurtherBills {
  phase: Phase;
  model: string;
  submission: Submission;
  requestId?: string;
  queuePosition?: number;
  /** Status and result GETs so far. */
  reads: number;
  readAt?: string;
  submittedAt?: string;
  /** First read at which the work was seen running. */
  startedAt?: string;
  nextReadAt?: string;
  /** When the work is likely over; only where such work is known well. */
  expectedEndAt?: string;
  deadlineAt: string;
  /** What RunComfy says that the request cost, however it ended. */
  costUsd?: number;
  /** The expected price, where there is one. */
  priceUsd?: number;
  /** Under `onWall: 'wait'`, while the phase is `submitting`: what the order waits for. */
  wall?: WallState;
  cancel?: CancelState;
  failure?: FailureState;
  evidence?: SubmissionEvidence;
  /** Hints that stopped nothing: unknown input keys, a status word that RunComfy does not document. */
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
  /** RunComfy's names of these files, where they are not the usual ones: the singular for one file, the plural for several. */
  outputKeys?: OutputKey[];
  /** What else RunComfy's output says, such as a seed, as it came, and file names that are no URL; at most 16 KiB. */
  other?: Record<string, unknown>;
  /** RunComfy's own times, as it writes them. */
  createdAt?: string;
  finishedAt?: string;
  costUsd?: number;
  /** What it was expected to cost, where that was known when it was sent. */
  priceUsd?: number;
  /** The budgets that it counts in. */
  budgets?: string[];
  timings: GenerationTimings;
  /** Status and result GETs, exactly. */
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
