import { workflowInfo } from '@temporalio/workflow';
import type { RequestStatus, UnfinishedStatus } from '../../domain/activities.ts';
import type { BudgetGrant } from '../../domain/budget/budget.ts';
import type { GenerationRequest, GenerationState, InputIssue, SubmissionResolution } from '../../domain/generation.ts';
import { isJsonObject, withoutUndefined } from '../../domain/json.ts';
import { retryOfRunMemoKey } from '../../domain/names.ts';
import { inputUrlsOf, parseGenerationRequest } from '../../domain/request.ts';
import type { Observation } from '../../domain/timings.ts';
import type { FinishedWork } from '../../domain/waiting.ts';
import type { DeliveryRun } from '../../domain/webhook/webhook.ts';
import { handedOn, type SampleOf, starterOf } from '../run-start.ts';
import { openState, refuseOversize } from './first-state.ts';

/** The memory of one generation. Each group is written by one file, named beside it, and read by all. */
export interface Generation {
  /** The answer of query `state`. Each field is written by the file that is named at the group it belongs to. */
  readonly state: GenerationState;
  /** What is settled when the run opens. */
  readonly facts: Facts;
  /** `sightings.ts` */
  readonly sightings: Sightings;
  /** `wishes.ts` */
  readonly wishes: Wishes;
  /** `next-read.ts` */
  readonly plan: NextRead;
  /** `open-work.ts` */
  readonly open: OpenWork;
  /** `visibility.ts` */
  readonly shown: Shown;
  /** `unknown-submission.ts`, its `unnamed` by `further-request.ts` */
  readonly doubt: Doubt;
  /** `tell-webhook.ts` */
  readonly told: Told;
  /** `settle-budgets.ts` */
  readonly reserved: { grants: BudgetGrant[] | undefined };
}

export interface Facts {
  readonly key: string;
  readonly request: GenerationRequest;
  /** What is wrong with the workflow's argument. */
  readonly issues: InputIssue[];
  /** URLs of the input: results echo them, but they are not outputs. */
  readonly inputUrls: string[];
  readonly retryOfRunId: string | undefined;
  /** What made Temporal start this run by itself, without knowledge of a submit: an earlier run may have submitted. */
  readonly selfStartedBy: string | undefined;
}

/** What has been seen of the request at RunComfy. */
export interface Sightings {
  seen: Partial<Observation>;
  lastStatus: RequestStatus | undefined;
  /** What a result naming the request said of work that its status had called over. */
  underWay: UnfinishedStatus | undefined;
  /** Why the work failed, if the status said so. */
  failedBecause: string | undefined;
  /** Since when the request is known, ISO 8601. */
  followedSince: string;
  /** When RunComfy was asked to stop the work at its queue deadline without confirming that it did, ISO 8601. */
  queueCancelAt: string | undefined;
  workKey: string | undefined;
  /** What can be learned from the finished work. */
  work: FinishedWork | undefined;
  /** The duration of this work need not be kept for learning. */
  isKnownWell: boolean;
}

/** What is wanted from outside and has not been acted on yet. */
export interface Wishes {
  isCancelDue: boolean;
  isWorkflowCancelled: boolean;
  isDeadlinePassed: boolean;
  /** The work may have waited in RunComfy's queue for as long as its caller allows. */
  isQueueDeadlinePassed: boolean;
  isNudged: boolean;
  /** Wishes that came in while the work was believed to be over: a result may still say that it goes on. */
  readonly late: Set<'cancel' | 'queue_deadline'>;
  handedOverRequestId: string | undefined;
  decision: Decision | undefined;
  /** Cuts the current wait short, if that is allowed. */
  interrupt: (() => void) | undefined;
}

/** A person's decision about an unknown submission, and what became of it. */
export interface Decision {
  readonly resolution: SubmissionResolution;
  isAnswered: boolean;
  /** Why it was not obeyed. */
  refusal?: string;
}

/** When the next read is due. */
export interface NextRead {
  nextReadInMs: number;
  /** The next read is so close that its activity waits for it, without a timer. */
  isNextReadSoon: boolean;
  /** A read follows now, whatever was planned. */
  isDueNow: boolean;
  /** Since when a read has been going on, epoch ms. */
  readSince: number | undefined;
  /** Until when a person is assumed to watch, epoch ms. */
  watchedUntil: number | undefined;
}

/** What must come to an end before the workflow does. */
export interface OpenWork {
  /** POSTs whose outcome is still awaited. */
  submits: number;
  /** Side work, e.g. stopping a further request. */
  errands: number;
  hasEnded: boolean;
}

/** What operators see in the search attributes. */
export interface Shown {
  /** The search attributes that the server knows. */
  searchAttributes: string[];
  /** When the last answer about them was processed, ISO 8601. */
  attributesAsOf: string | undefined;
  /** As of when that answer was given, ISO 8601. Undefined: it did not say, or was asked for just then. */
  attributesToldAsOf: string | undefined;
  /** An answer about them is on its way. */
  isAsking: boolean;
  /** How long the work took, once that is known. */
  durations: { queueMs?: number; runMs?: number };
  /** The search attributes as last set. */
  published: Record<string, string | number | string[]>;
  isModelKnown: boolean;
}

/** What is known of submits that may have been accepted. */
export interface Doubt {
  /** Why the submission is unknown, in words. */
  unknownBecause: string | undefined;
  /** An earlier POST of this order may have been accepted, whatever becomes of the next. */
  hasResubmitted: boolean;
  /** Number of earlier POSTs that may have been accepted under ids that nobody knows. */
  unnamed: number;
  /** Until when the id of a POST may still turn up, ISO 8601. */
  mayTurnUpUntil: string | undefined;
  /** The caller's policy has not been followed yet. */
  isPolicyDue: boolean;
  /** Evidence is on its way. */
  isGathering: boolean;
}

/** What became of the order's webhook so far. */
export interface Told {
  isWebhookChecked: boolean;
  /** Nothing could ever be delivered to the webhook. */
  isWebhookRefused: boolean;
  /** The webhook was told that the submission is unknown and held. */
  isHoldTold: boolean;
  /** The run that delivers this event, unless it was called back. */
  heldDelivery?: DeliveryRun | undefined;
}

/** What a continued run is handed by the run before it: everything but messages, which are all handled by then. */
export interface CarriedMemory {
  state: GenerationState;
  seen: Partial<Observation>;
  searchAttributes: string[];
  published: Record<string, string | number | string[]>;
  hasResubmitted: boolean;
  isCancelDue: boolean;
  isWorkflowCancelled: boolean;
  isModelKnown?: boolean;
  /** Missing if the next run is handed the input itself, which contains them. */
  inputUrls?: string[];
  followedSince?: string;
  queueCancelAt?: string;
  lastStatus?: RequestStatus;
  underWay?: UnfinishedStatus;
  failedBecause?: string;
  workKey?: string;
  unknownBecause?: string;
  mayTurnUpUntil?: string;
  attributesAsOf?: string;
  attributesToldAsOf?: string;
  isHoldTold?: boolean;
  grants?: BudgetGrant[];
  unnamed?: number;
  isWebhookRefused?: boolean;
  heldDelivery?: DeliveryRun;
}

const sampleOfCarried: SampleOf<CarriedMemory> = {
  state: { phase: '', model: '', submission: '', reads: 0, deadlineAt: '' },
};

/** Opens the memory from the workflow's argument, which anyone may have sent, and from what an earlier run carried. */
export function openGeneration(argument: unknown, given: unknown): Generation {
  const { workflowId: key, continuedFromExecutionRunId, attempt, memo } = workflowInfo();
  const isContinued = continuedFromExecutionRunId !== undefined;
  const carried: Partial<CarriedMemory> = handedOn(given, sampleOfCarried) ?? {};
  const parsed = refuseOversize(parseGenerationRequest(argument));
  const request: GenerationRequest = parsed.ok ? parsed.request : { model: parsed.model, input: {} };
  // Only the first run of the chain looks for rivals: to a later one, the first run would look like one.
  const retryOfRunId = isJsonObject(memo) && !isContinued ? memo[retryOfRunMemoKey] : undefined;
  // A retry is handed what the repeated run was handed, not what that run has done since. A continuation is attempt 1.
  const isUntold = carried.state === undefined || (attempt > 1 && carried.state.phase === 'submitting');
  const { state, isDeadlinePassed } = openState(request, carried.state);
  const { published = {}, seen = {}, searchAttributes = [], hasResubmitted = false } = carried;
  return {
    state,
    facts: {
      key,
      request,
      issues: parsed.ok ? [] : parsed.issues,
      inputUrls: carried.inputUrls ?? inputUrlsOf(request.input),
      retryOfRunId: typeof retryOfRunId === 'string' ? retryOfRunId : undefined,
      selfStartedBy: isContinued && isUntold ? starterOf() : undefined,
    },
    sightings: {
      seen,
      lastStatus: carried.lastStatus,
      underWay: carried.underWay,
      failedBecause: carried.failedBecause,
      followedSince: carried.followedSince ?? new Date().toISOString(),
      queueCancelAt: carried.queueCancelAt,
      workKey: carried.workKey,
      work: undefined,
      isKnownWell: false,
    },
    wishes: {
      isCancelDue: carried.isCancelDue ?? false,
      isWorkflowCancelled: carried.isWorkflowCancelled ?? false,
      isDeadlinePassed,
      isQueueDeadlinePassed: false,
      isNudged: false,
      late: new Set(),
      handedOverRequestId: undefined,
      decision: undefined,
      interrupt: undefined,
    },
    plan: { nextReadInMs: 0, isNextReadSoon: false, isDueNow: false, readSince: undefined, watchedUntil: undefined },
    open: { submits: 0, errands: 0, hasEnded: false },
    shown: {
      searchAttributes,
      attributesAsOf: carried.attributesAsOf,
      attributesToldAsOf: carried.attributesToldAsOf,
      isAsking: false,
      durations: {},
      published,
      isModelKnown: carried.isModelKnown ?? false,
    },
    doubt: {
      unknownBecause: carried.unknownBecause,
      hasResubmitted: hasResubmitted || attempt > 1,
      unnamed: carried.unnamed ?? 0,
      mayTurnUpUntil: carried.mayTurnUpUntil,
      isPolicyDue: false,
      isGathering: false,
    },
    told: {
      isWebhookChecked: carried.state !== undefined,
      isWebhookRefused: carried.isWebhookRefused ?? false,
      isHoldTold: carried.isHoldTold ?? false,
      heldDelivery: carried.heldDelivery,
    },
    reserved: { grants: carried.grants },
  };
}

/** What the next run needs. A run of another version may read it: fields are added, never changed. */
export function carry({ state, facts, sightings, wishes, shown, doubt, told, reserved }: Generation): CarriedMemory {
  const { seen, lastStatus, underWay, failedBecause, followedSince, queueCancelAt, workKey } = sightings;
  const { isWorkflowCancelled } = wishes;
  const { unknownBecause, hasResubmitted, unnamed, mayTurnUpUntil } = doubt;
  const { searchAttributes, attributesAsOf, attributesToldAsOf, published, isModelKnown } = shown;
  return {
    state,
    seen,
    searchAttributes,
    published,
    hasResubmitted,
    isCancelDue: wishes.isCancelDue || wishes.late.has('cancel'),
    isWorkflowCancelled,
    isModelKnown,
    followedSince,
    ...withoutUndefined({
      inputUrls: state.requestId === undefined ? undefined : facts.inputUrls,
      lastStatus,
      underWay,
      failedBecause,
      queueCancelAt,
      workKey,
      attributesAsOf,
      attributesToldAsOf,
      unknownBecause,
      mayTurnUpUntil,
      isHoldTold: told.isHoldTold || undefined,
      grants: reserved.grants,
      unnamed: unnamed > 0 ? unnamed : undefined,
      isWebhookRefused: told.isWebhookRefused || undefined,
      heldDelivery: told.heldDelivery,
    }),
  };
}
