import type { CancelState, FailureDetails, FailureState, GenerationResult, Phase, Submission } from '../generation.ts';
import { maxWorkflowIdLength } from '../names.ts';
import { type WebhookEvent, webhookEvents, type WebhookTarget } from './webhook-target.ts';

/** A generation's failure as a webhook reports it, without anything that could echo the input. */
export type WebhookFailure = Pick<FailureState, 'type' | 'message'> & {
  details: Pick<
    FailureDetails,
    | 'submission'
    | 'httpStatus'
    | 'vendorCode'
    | 'vendorMessage'
    | 'otherRequestIds'
    | 'otherCostUsd'
    | 'otherCostsUnknown'
    | 'reason'
    | 'priceUsd'
    | 'limitUsd'
    | 'budget'
    | 'availableUsd'
  >;
};

/** The JSON document that a receiver gets. */
export interface WebhookBody {
  type: WebhookEvent;
  /** When it happened, ISO 8601. */
  timestamp: string;
  data: {
    /** The key as the tenant knows it. */
    key: string;
    tenant?: string;
    runId: string;
    model: string;
    phase: Phase;
    submission: Submission;
    requestId?: string;
    costUsd?: number;
    result?: GenerationResult;
    failure?: WebhookFailure;
    cancel?: CancelState;
    /** Fields that were left out because the body would be too large: get the generation by its key instead. */
    leftOut?: ('result' | 'failure')[];
  };
}

/** The one argument of workflow `runcomfyWebhook`: an event and its receiver. */
export interface WebhookOrder {
  /** The `webhook-id` of every attempt, by which receivers recognise repetitions. */
  webhookId: string;
  url: string;
  /** Name of the secrets used for signing. */
  secret: string;
  body: WebhookBody;
}

/** A run of `runcomfyWebhook`. */
export interface DeliveryRun {
  workflowId: string;
  runId: string;
}

/** One attempt to deliver. */
export interface WebhookAttempt {
  /** ISO 8601. */
  at: string;
  durationMs: number;
  httpStatus?: number;
  /** Our own description; contains nothing that the receiver sent. */
  error?: string;
}

/** The state of a delivery; the last four are final. */
export type DeliveryState = 'delivering' | 'waiting' | 'delivered' | 'exhausted' | 'gone' | 'refused';

/** Answer of query `delivery`, and return value of a delivery that arrived. */
export interface Delivery {
  event: WebhookEvent;
  /** Without its query. */
  url: string;
  state: DeliveryState;
  attempts: WebhookAttempt[];
  /** ISO 8601. */
  nextAttemptAt?: string;
  /** ISO 8601. */
  deliveredAt?: string;
  /** Why sending stopped. If the delivery was refused at once, nothing was ever sent. */
  refusedBecause?: string;
  webhookId: string;
}

/** Argument of `deliverWebhook`: one attempt. */
export interface DeliveryQuestion {
  webhookId: string;
  url: string;
  secret: string;
  body: WebhookBody;
}

/** Answer of `deliverWebhook`: the result of the attempt, and what follows from it. */
export interface DeliveryAnswer extends WebhookAttempt {
  verdict: 'delivered' | 'gone' | 'refused' | 'failed';
  /** How long the receiver asks to wait, at most an hour. */
  retryAfterMs?: number;
}

/** Answer of `checkWebhook`: why nothing could be delivered there. Empty if no problem is known. */
export interface WebhookCheck {
  issues: { path: string; message: string }[];
  /** An earlier run may have had the order accepted, so a problem with its webhook must not end it as unsent. */
  mayBeSubmitted?: true;
}

/** Activities for webhooks. */
export interface WebhookActivities {
  /** Checks the address, the secret's name and the generation's key before anything is paid. */
  checkWebhook: (
    target: Pick<WebhookTarget, 'url' | 'secret'> & { key: string; firstExecutionRunId?: string },
  ) => Promise<WebhookCheck>;
  /** POSTs the event once. Every result is an answer, never an error. */
  deliverWebhook: (question: DeliveryQuestion) => Promise<DeliveryAnswer>;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** Delays between failed attempts, in milliseconds: over a day in total. */
export const retryStepsMs: readonly number[] = [
  5_000,
  5 * minuteMs,
  30 * minuteMs,
  2 * hourMs,
  5 * hourMs,
  10 * hourMs,
  10 * hourMs,
];

const jitterShare = 0.1;

/**
 * Milliseconds until the next attempt after failed attempt number `step`: the listed delay, varied by 10 % by `chance`
 * in [0, 1), or what the receiver asks for if that is longer. Undefined if there is no further attempt.
 */
export function nextAttemptInMs(step: number, chance: number, retryAfterMs = 0): number | undefined {
  const stepMs = retryStepsMs[step];
  if (stepMs === undefined) return undefined;
  return Math.max(Math.round(stepMs * (1 - jitterShare + 2 * jitterShare * chance)), retryAfterMs);
}

/** The URL without its query, which may contain what only the receiver should know. */
export function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/s, '');
}

/** Workflow ID of the delivery of a generation's event. */
export function webhookKey(key: string, event: WebhookEvent): string {
  return `${key}/webhook/${event}`;
}

/** Workflow ID of the delivery of a later run's event, while the delivery of an earlier run's goes on. */
export function webhookKeyOfRun(key: string, event: WebhookEvent, firstRunId: string): string {
  return `${webhookKey(key, event)}/${firstRunId}`;
}

/** Longest key of a generation, in characters, such that the Workflow IDs of all its deliveries can be stored. */
export const maxWebhookKeyLength =
  maxWorkflowIdLength -
  Math.max(...webhookEvents.map((event) => webhookKeyOfRun('', event, '00000000-0000-0000-0000-000000000000').length));
